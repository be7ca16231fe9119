// The switches of automatic answers, and whether the responder works.

import { get, post } from './api.js';
import { element, moment } from './element.js';
import { words } from './words.js';

const list = document.getElementById('switches-list');
const state = document.getElementById('switches-state');
const problems = document.getElementById('problems');
const health = document.getElementById('health');
let fail = () => {};
let requests = 0;
let drawn = '';

export function start(failed) {
  fail = failed;
}

export async function refresh() {
  const number = ++requests;
  const { active, clients, amiss: missing, rules, faults } = await get('/api/switches');
  if (number !== requests) return; // a later request has been made
  const disabled = clients.filter((client) => !client.active).length;
  state.textContent = !active || disabled === clients.length ? words.off : disabled ? words.partly : words.on;
  state.className = active && !disabled ? '' : 'off';
  const wrong = rules ? [...missing, 'rules'] : missing;
  health.className = `health ${wrong.length ? 'bad' : 'good'}`;
  health.textContent = wrong.length ? wrong.map((part) => words.problems[part] ?? part).join(' · ') : words.works;
  drawFaults(rules, faults);
  const now = JSON.stringify([active, clients]);
  if (now === drawn) return; // keeps the focus, and a switch that is being pressed
  drawn = now;
  const focused = [...list.querySelectorAll('input')].indexOf(document.activeElement);
  list.replaceChildren(
    control(words.everywhere, active, (on) => post('/api/switches/active', { active: on })),
    ...clients.map((client) => control(
      words.client(client.cliente_id), client.active,
      (on) => post(`/api/bot-config/toggle/${client.cliente_id}`, { bot_activo: on ? 1 : 0 }),
    )),
  );
  list.querySelectorAll('input')[focused]?.focus();
}

function drawFaults(rules, faults) {
  const found = faults.map(({ at, where, text }) => element('li', {}, element('time', {}, moment(at)), ` ${where}: ${text}`));
  if (rules) found.unshift(element('li', {}, rules));
  problems.hidden = found.length === 0;
  problems.querySelector('summary').textContent = words.problemCount(found.length);
  problems.querySelector('ul').replaceChildren(...found);
}

export function unreachable() {
  health.className = 'health bad';
  health.textContent = words.unreachable;
}

function control(label, on, change) {
  const changed = async (event) => {
    try {
      await change(event.target.checked);
    } catch (error) {
      fail(error);
    }
    drawn = ''; // it may have failed
    await refresh().catch(fail);
  };
  return element('label', { class: 'switch' }, element('span', {}, label), element('input', { type: 'checkbox', role: 'switch', checked: on, onchange: changed }));
}
