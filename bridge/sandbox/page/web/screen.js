// The page's visible text: its state. Programs use the stores.

import { Conn, Socket, Stream } from './modules/connection.js';
import { onSecret, qrText } from './modules/linking.js';

const notice = document.querySelector('#notice');
const qr = document.querySelector('#qr');

function stateText() {
  if (Stream.mode === 'QR') return 'Scan to log in: open the phone of this sandbox and press Scan.';
  if (Stream.mode !== 'MAIN') return 'Loading your chats…';
  return Socket.stream === 'CONNECTED' ? 'Connected.' : 'Phone not connected. Retrying…';
}

export function show() {
  const draw = () => {
    notice.textContent = stateText();
    qr.hidden = Stream.mode !== 'QR';
    qr.dataset.ref = qrText() ?? qr.dataset.ref ?? '';
    qr.textContent = qr.dataset.ref;
  };
  Conn.on('change:ref', draw);
  onSecret(draw);
  Stream.on('change', draw);
  Socket.on('change', draw);
  draw();
}
