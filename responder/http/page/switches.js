// The switches of automatic answers, and whether the responder works.

import { get, post } from './api.js';
import { element, moment } from './element.js';
import { words } from './words.js';

const place = document.getElementById('switches-list');
const state = document.getElementById('switches-state');
const troubles = document.getElementById('troubles');
const condition = document.getElementById('condition');
let fail = () => {};
let asked = 0;

export function start(failed) {
  fail = failed;
}

export async function refresh() {
  const number = ++asked;
  const { active, clients, amiss, rules, faults } = await get('/api/switches');
  if (number !== asked) return; // asked before a switch was turned, and answered after it
  const silent = clients.filter((client) => !client.active).length;
  state.textContent = !active || silent === clients.length ? words.off : silent ? words.partly : words.on;
  state.className = active && !silent ? '' : 'off';
  condition.className = `condition ${amiss.length ? 'bad' : 'good'}`;
  condition.textContent = amiss.length ? amiss.map((what) => words.amiss[what] ?? what).join(' · ') : words.works;
  drawFaults(rules, faults);
  place.replaceChildren(
    control(words.everywhere, active, (on) => post('/api/switches/active', { active: on })),
    ...clients.map((client) => control(
      words.client(client.cliente_id), client.active,
      (on) => post(`/api/bot-config/toggle/${client.cliente_id}`, { bot_activo: on ? 1 : 0 }),
    )),
  );
}

function drawFaults(rules, faults) {
  const found = faults.map(({ at, where, text }) => element('li', {}, element('time', {}, moment(at)), ` ${where}: ${text}`));
  if (rules) found.unshift(element('li', {}, rules));
  troubles.hidden = found.length === 0;
  troubles.querySelector('summary').textContent = words.troubles(found.length);
  troubles.querySelector('ul').replaceChildren(...found);
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
