// The page's visible text: its state. Programs use the stores.

import { Conn, Socket, Stream } from './modules/connection.js';

const notice = document.querySelector('#notice');

function stateText() {
  if (Stream.mode === 'QR') return `Scan to log in. Open /phone on this address and press Scan.\n\n${Conn.ref ?? ''}`;
  if (Stream.mode !== 'MAIN') return 'Loading your chats…';
  return Socket.stream === 'CONNECTED' ? 'Connected.' : 'Phone not connected. Retrying…';
}

export function show() {
  const draw = () => {
    notice.textContent = stateText();
  };
  Conn.on('change:ref', draw);
  Stream.on('change', draw);
  Socket.on('change', draw);
  draw();
}
