// Linked devices: the code that a page shows, the scan, the log-out, the switches for link and ticks.

import { element } from './element.js';
import { ask, world } from './world.js';

const devices = document.querySelector('#devices');
const link = document.querySelector('#link');
const ticks = document.querySelector('#ticks');

let drawn;

const AUTOMATIC = { server_ms: 50, device_ms: 400, read_ms: 1500 };
// The server's tick is not the recipient's to give: it comes by itself in any case.
const BY_HAND = { server_ms: 50, device_ms: null, read_ms: null };

export const ticksAreAutomatic = () => world.state.settings.receipts.device_ms !== null;

function waiting({ ref, link_code: code }) {
  if (code) {
    return element('div', { class: 'device' },
      element('span', { class: 'dot waits' }),
      element('div', {}, element('strong', {}, 'A page waits for this code'), element('code', {}, code)),
      element('button', { type: 'button', class: 'primary', onclick: () => void ask('link_code', { code }) }, 'Type it'));
  }
  return element('div', { class: 'device' },
    element('span', { class: 'dot waits' }),
    element('div', {}, element('strong', {}, 'A page shows a code'), element('code', {}, ref)),
    element('button', { type: 'button', class: 'primary', onclick: () => void ask('scan', { ref }) }, 'Scan'));
}

function linked({ id, name, pending }) {
  const note = !world.state.link_up ? 'not connected' : pending ? `${pending} waiting to be sent` : 'linked';
  return element('div', { class: 'device' },
    element('span', { class: world.state.link_up ? 'dot good' : 'dot' }),
    element('div', {}, element('strong', {}, name), element('div', { class: 'muted' }, note)),
    element('button', { type: 'button', class: 'button', onclick: () => void ask(`devices/${id}/logout`) }, 'Log out'));
}

export function drawLinked() {
  const { devices: known, waiting: codes, link_up: up } = world.state;
  link.checked = up;
  ticks.checked = ticksAreAutomatic();
  const look = JSON.stringify([known, codes, up]);
  if (look === drawn) return;
  drawn = look;
  const rows = [...known.map(linked), ...codes.map(waiting)];
  devices.replaceChildren(...(rows.length ? rows : [element('p', { class: 'muted' }, 'No linked device. Start the bridge and scan its code here.')]));
}

link.addEventListener('change', () => void ask('link', { up: link.checked }, 'PUT'));
ticks.addEventListener('change', () => void ask('settings', { receipts: ticks.checked ? AUTOMATIC : BY_HAND }, 'PATCH'));
