// Linked devices: pairing, logging out, and the switches for the connection and for ticks.

import { button, element } from './element.js';
import { language, word } from './language.js';
import { ask, world } from './world.js';

const devices = document.querySelector('#devices');
const link = document.querySelector('#link');
const ticks = document.querySelector('#ticks');

let drawn;

const AUTOMATIC = { server_ms: 50, device_ms: 400, read_ms: 1500 };
// The first tick is the server's, which is always automatic.
const BY_HAND = { server_ms: 50, device_ms: null, read_ms: null };

export const ticksAreAutomatic = () => world.state.settings.receipts.device_ms !== null;

function waiting({ ref, link_code: code }) {
  if (code) {
    return element('div', { class: 'device' },
      element('span', { class: 'dot waits' }),
      element('div', {}, element('strong', {}, word('showsCode')), element('code', {}, code)),
      button(word('enterCode'), () => void ask('link_code', { code }), { class: 'primary' }));
  }
  return element('div', { class: 'device' },
    element('span', { class: 'dot waits' }),
    element('div', {}, element('strong', {}, word('showsQr')), element('code', {}, ref)),
    button(word('scan'), () => void ask('scan', { ref }), { class: 'primary' }));
}

function linked({ id, name, pending }) {
  const note = word(!world.state.link_up ? 'notConnected' : pending ? 'notSent' : 'linked', pending);
  return element('div', { class: 'device' },
    element('span', { class: world.state.link_up ? 'dot good' : 'dot' }),
    element('div', {}, element('strong', {}, name), element('div', { class: 'muted' }, note)),
    button(word('logOut'), () => void ask(`devices/${id}/logout`)));
}

export function drawLinked() {
  const { devices: known, waiting: codes, link_up: up } = world.state;
  link.checked = up;
  ticks.checked = ticksAreAutomatic();
  const shown = JSON.stringify([language(), known, codes, up]);
  if (shown === drawn) return;
  drawn = shown;
  const rows = [...known.map(linked), ...codes.map(waiting)];
  devices.replaceChildren(...(rows.length ? rows : [element('p', { class: 'muted' }, word('noDevice'))]));
}

link.addEventListener('change', () => void ask('link', { up: link.checked }, 'PUT'));
ticks.addEventListener('change', () => {
  void ask('settings', { receipts: ticks.checked ? AUTOMATIC : BY_HAND }, 'PATCH');
});
