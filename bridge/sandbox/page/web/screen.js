// The page's visible text: its state. Programs use the stores.

import { Conn, Socket, Stream } from './modules/connection.js';

const notice = document.querySelector('#notice');

const BLOCKED = {
  CONFLICT: 'WhatsApp is open elsewhere.',
  DEPRECATED_VERSION: 'This version of WhatsApp Web has expired.',
  PROXYBLOCK: 'WhatsApp refuses this network.',
  TOS_BLOCK: 'This account is blocked.',
  SMB_TOS_BLOCK: 'This business account is blocked.',
};

function stateText() {
  if (BLOCKED[Stream.mode]) return BLOCKED[Stream.mode];
  if (Stream.mode === 'QR') return `Scan to log in. Open /phone on this address and press Scan.\n\n${Conn.ref ?? ''}`;
  if (Stream.mode !== 'MAIN') return 'Loading your chats…';
  return Socket.state === 'CONNECTED' ? 'Connected.' : 'Phone not connected. Retrying…';
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
