// Linked devices: pairing, logging out, and the switches for the connection and for ticks.

import { element } from './element.js';
import { ask, world } from './world.js';

const devices = document.querySelector('#devices');
const link = document.querySelector('#link');
const ticks = document.querySelector('#ticks');

let drawn;

const AUTOMATIC = { server_ms: 50, device_ms: 400, read_ms: 1500 };
// The first tick is the server's, which is always automatic.
const BY_HAND = { server_ms: 50, device_ms: null, read_ms: null };

export const ticksAreAutomatic = () => world.state.settings.receipts.device_ms !== null;

const button = (kind, label, onclick) => element('button', { type: 'button', class: kind, onclick }, label);

function waiting({ ref, link_code: code }) {
  if (code) {
    return element('div', { class: 'device' },
      element('span', { class: 'dot waits' }),
      element('div', {}, element('strong', {}, 'A page shows a pairing code'), element('code', {}, code)),
      button('primary', 'Enter it', () => ask('link_code', { code })));
  }
  return element('div', { class: 'device' },
    element('span', { class: 'dot waits' }),
    element('div', {}, element('strong', {}, 'A page shows a QR code'), element('code', {}, ref)),
    button('primary', 'Scan', () => ask('scan', { ref })));
}

function linked({ id, name, pending }) {
  const note = !world.state.link_up ? 'not connected' : pending ? `${pending} not sent` : 'linked';
  return element('div', { class: 'device' },
    element('span', { class: world.state.link_up ? 'dot good' : 'dot' }),
    element('div', {}, element('strong', {}, name), element('div', { class: 'muted' }, note)),
    button('button', 'Log out', () => ask(`devices/${id}/logout`)));
}

export function drawLinked() {
  const { devices: known, waiting: codes, link_up: up } = world.state;
  link.checked = up;
  ticks.checked = ticksAreAutomatic();
  const shown = JSON.stringify([known, codes, up]);
  if (shown === drawn) return;
  drawn = shown;
  const rows = [...known.map(linked), ...codes.map(waiting)];
  const empty = 'No linked device. Start the bridge and scan its QR code here.';
  devices.replaceChildren(...(rows.length ? rows : [element('p', { class: 'muted' }, empty)]));
}

link.addEventListener('change', () => void ask('link', { up: link.checked }, 'PUT'));
ticks.addEventListener('change', () => {
  void ask('settings', { receipts: ticks.checked ? AUTOMATIC : BY_HAND }, 'PATCH');
});
