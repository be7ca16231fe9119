// The switches of automatic answers, and whether the responder works.

import { get, post } from './api.js';
import { element } from './element.js';
import { words } from './words.js';

const place = document.getElementById('switches-list');
const state = document.getElementById('switches-state');
const condition = document.getElementById('condition');
let fail = () => {};
let asked = 0;

export function start(failed) {
  fail = failed;
}

export async function refresh() {
  const number = ++asked;
  const { active, clients, amiss } = await get('/api/switches');
  if (number !== asked) return; // asked before a switch was turned, and answered after it
  state.textContent = active ? words.on : words.off;
  state.className = active ? '' : 'off';
  condition.className = `condition ${amiss.length ? 'bad' : 'good'}`;
  condition.textContent = amiss.length ? amiss.map((what) => words.amiss[what] ?? what).join(' · ') : words.works;
  place.replaceChildren(
    control(words.everywhere, active, (on) => post('/api/switches/active', { active: on })),
    ...clients.map((client) => control(
      words.client(client.cliente_id), client.active,
      (on) => post(`/api/bot-config/toggle/${client.cliente_id}`, { bot_activo: on ? 1 : 0 }),
    )),
  );
}

export function unreachable() {
  condition.className = 'condition bad';
  condition.textContent = words.unreachable;
}

function control(label, on, turn) {
  const turned = async (event) => {
    try {
      await turn(event.target.checked);
    } catch (error) {
      fail(error);
    }
    await refresh().catch(fail);
  };
  return element('label', { class: 'switch' }, element('span', {}, label), element('input', { type: 'checkbox', role: 'switch', checked: on, onchange: turned }));
}
