// Sessions as cards: how each is, its pairing code, and what an admin can do.

import { get, may, of, post } from './api.js';
import { ask, askUntil } from './dialogs.js';
import { h, show, toast } from './element.js';
import { said } from './faults.js';
import { ago } from './times.js';
import { number, reason, state, word } from './words.js';

const TONES = {
  connected: 'good', starting: 'wait', connecting: 'wait', authenticated: 'wait', pairing: 'calm', reconnecting: 'wait',
  unreachable: 'bad', conflict: 'bad', page_changed: 'bad', error: 'bad', logged_out: 'bad', stopped: 'dim', standby: 'dim', offline: 'bad',
};
export const tone = (name) => TONES[name] ?? 'dim';
const AT_REST = new Set(['stopped', 'logged_out']);

export function open(view, world) {
  const list = h('div.cards'), codes = new Map(), busy = new Set();
  let ended = false;
  view.append(h('div.head', null, h('h1', null, word('sessions')), h('p.soft', null, word('sessionsLead'))), list);

  const draw = () => { if (!ended) show(list, world.sessions.map((one) => card(one, codes.get(one.session), busy, draw, world))); };

  async function tick() {
    await Promise.all(world.sessions.map(async ({ session, state: now }) => {
      if (now !== 'pairing' || !may('admin')) return codes.delete(session);
      const code = await get(`${of(session)}/qr`).catch(() => null);
      return code ? codes.set(session, code) : codes.delete(session);
    }));
    draw();
  }

  tick();
  return { tick, end: () => { ended = true; } };
}

function card(one, code, busy, draw, world) {
  const { session } = one;
  const fact = (name, value) => h('div', null, h('dt', null, word(name)), h('dd', null, value));
  return h('article.card.session', { 'aria-label': session },
    h('div.row.apart', null,
      h('h2.name', null, session),
      h(`span.badge.${tone(one.state)}`, null, state(one.state))),
    h('p.tell', null, reason(one)),
    code ? pairing(session, code, busy, draw, world) : null,
    h('dl.facts', null,
      fact('since', ago(one.since)),
      fact('lastMessage', one.last_inbound ? ago(one.last_inbound) : word('never')),
      fact('journalled', number(one.last_seq)),
      fact('queueOut', number(one.queue?.out ?? 0)),
      fact('queueIn', number(one.queue?.in ?? 0)),
      fact('budget', one.queue && one.budget !== null ? number(one.budget) : one.queue ? word('noLimit') : '–'),
      fact('memory', one.memory?.browser_mb ? `${number(one.memory.browser_mb)} MB` : '–'),
      fact('owner', one.owner.split(':')[0])),
    may('admin') ? controls(one, busy, draw, world) : null);
}

function pairing(session, code, busy, draw, world) {
  if (code.link_code) {
    return h('div.pairing.typed', null,
      h('p.code', { 'aria-label': [...code.link_code].join(' ') }, code.link_code.replace(/^(.{4})(.{4})$/, '$1-$2')),
      h('button.button', { type: 'button', onclick: () => byPhone(session, busy, draw, world) }, word('pairOther')));
  }
  const stamp = encodeURIComponent(code.expires_at);
  return h('div.pairing', null,
    h('img', { src: `${of(session)}/qr.png?at=${stamp}`, alt: word('qrAlt', session), width: 200, height: 200 }),
    h('div', null, h('h3', null, word('pairTitle')),
      h('ol', null, h('li', null, word('pair1')), h('li', null, word('pair2')), h('li', null, word('pair3'))),
      h('button.button', { type: 'button', onclick: () => byPhone(session, busy, draw, world) }, word('pairPhone'))));
}

function controls({ session, state: now }, busy, draw, world) {
  const act = (action, label, question) => h(action === 'logout' ? 'button.danger' : 'button.button', {
    type: 'button', disabled: busy.has(session),
    onclick: async () => {
      if (question && !(await ask({ ...question, action: word(label), cancel: word('cancel'), danger: action === 'logout' }))) return;
      await control(session, { action }, busy, draw, world).catch((problem) => toast(said(problem), true));
    },
  }, word(label));
  const question = (name) => ({ title: word(`${name}Ask`, session), text: word(`${name}Text`) });
  if (AT_REST.has(now)) return h('div.row', null, act('init', 'init'));
  return h('div.row', null,
    act('restart', 'restart', question('restart')),
    act('close', 'closeSession', question('close')),
    now === 'pairing' ? null : act('logout', 'logout', question('logout')));
}

async function byPhone(session, busy, draw, world) {
  await askUntil((before) => ({
    title: word('pairPhone'), action: word('pairAsk'), cancel: word('cancel'),
    fields: [h('label.field', null, h('span', null, word('phone')), h('input', { name: 'phone', type: 'tel', required: true, maxlength: 32, value: before?.get('phone') ?? '', placeholder: '+54 9 11 5550-0001', autocomplete: 'tel' }))],
  }), (given) => control(session, { action: 'init', phone: given.get('phone') }, busy, draw, world, 'codeAsked'));
}

async function control(session, command, busy, draw, world, told = 'done') {
  busy.add(session);
  draw();
  try {
    const done = await post(`${of(session)}/control`, command);
    world.sessions = world.sessions.map((one) => (one.session === session ? done.status : one));
    toast(word(told));
  } finally {
    busy.delete(session);
    draw();
  }
}
