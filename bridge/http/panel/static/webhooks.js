// Webhooks of one session: how each is, pause and resume, and the dead letters to repeat or throw away.

import { get, of, post, remove } from './api.js';
import { ask, askUntil } from './dialogs.js';
import { empty, h, show, toast } from './element.js';
import { post as outcome, said } from './faults.js';
import { chatName } from './names.js';
import { ago } from './times.js';
import { number, word } from './words.js';

const CIRCUITS = { closed: ['good', 'closed'], half_open: ['wait', 'half_open'], open: ['bad', 'openCircuit'] };

const standing = (one) => {
  if (one.paused) return ['dim', 'paused'];
  return one.circuit === 'closed' && one.last_error ? ['wait', 'ailing'] : CIRCUITS[one.circuit] ?? ['dim', 'closed'];
};

export function open(view, world) {
  const { session } = world;
  const list = h('div.cards'), letters = h('div.feed'), head = h('div.row.apart'), unfolded = new Set();
  let found = [], dead = [], ended = false;

  async function load() {
    const [told, buried] = await Promise.all([get(`${of(session)}/listeners`), get(`${of(session)}/dead-letters?limit=100`)]);
    if (ended) return;
    found = told.listeners;
    dead = buried.letters;
    draw();
  }

  function draw() {
    show(list, found.length ? found.map(card) : [empty(word('noListeners'), word('noListenersHint'))]);
    show(head, [h('div', null, h('h2', null, word('letters')), h('p.soft', null, word('lettersLead'))),
      dead.length > 1 ? h('button.button', { type: 'button', onclick: () => attempt(repeatAll) }, word('repeatAll')) : null]);
    show(letters, dead.length ? dead.map(letter) : [empty(word('noLetters'))]);
  }

  function card(one) {
    const [tone, name] = standing(one);
    const path = `${of(session)}/listeners/${one.id}`;
    const fact = (label, value) => h('div', null, h('dt', null, word(label)), h('dd', null, value));
    return h('article.card', { 'aria-label': one.url },
      h('div.row.apart', null, h('h2.mono', null, one.url), h(`span.badge.${tone}`, null, word(name))),
      h('dl.facts.few', null, fact('lag', one.lag === null ? '–' : number(one.lag)), fact('delivered', one.delivered === null ? '–' : number(one.delivered)),
        fact('lastMessage', one.last_delivery_at ? ago(one.last_delivery_at) : word('never')),
        one.next_attempt_at ? fact('nextTry', ago(one.next_attempt_at)) : null),
      one.last_error ? h('p.advice.bad', null, outcome({ status: one.last_status, failure: one.last_failure, error: one.last_error })) : null,
      h('div.row', null,
        h('button.button', { type: 'button', onclick: () => attempt(() => post(`${path}/${one.paused ? 'resume' : 'pause'}`)) }, word(one.paused ? 'resume' : 'pause')),
        h('button.danger', { type: 'button', onclick: async () => {
          if (await ask({ title: word('unregisterAsk', one.url), action: word('unregister'), cancel: word('cancel'), danger: true })) await attempt(() => remove(path));
        } }, word('unregister'))));
  }

  function letter(one) {
    const path = `${of(session)}/dead-letters/${one.number}`, item = gist(one.body);
    return h('article.card.send-item', null,
      h('div.row.apart', null, h('span.mono', null, one.url), h('span.soft', null, ago(one.at))),
      item ? h('p.text', { dir: 'auto' }, h('strong', null, item.who), ' ', item.text) : null,
      h('p.advice.bad', null, outcome(one)),
      h('details', { open: unfolded.has(one.number), ontoggle: (event) => unfolded[event.target.open ? 'add' : 'delete'](one.number) },
        h('summary', null, word('wholeItem')), h('p.text.mono', { tabindex: 0 }, one.body)),
      h('div.row', null,
        h('button.button', { type: 'button', onclick: () => attempt(() => repeat(one)) }, word('repeat')),
        h('button.danger', { type: 'button', onclick: async () => {
          if (await ask({ title: word('throwAsk'), action: word('throwAway'), cancel: word('cancel'), danger: true })) await attempt(() => remove(path));
        } }, word('throwAway'))));
  }

  const again = (one) => post(`${of(session)}/dead-letters/${one.number}/repeat`);

  async function repeat(one) {
    const told = await again(one);
    toast(told.delivered ? word('repeated') : word('stillRefused', outcome(told)), !told.delivered);
  }

  async function repeatAll() {
    let delivered = 0;
    const all = dead;
    for (const one of all) if ((await again(one)).delivered) delivered += 1;
    toast(word('repeatedMany', number(delivered), number(all.length - delivered)), delivered < all.length);
  }

  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      toast(said(problem), true);
    }
    await load();
  }

  async function add() {
    const made = await askUntil((before) => ({ title: word('addListener'), action: word('add'), cancel: word('cancel'),
      fields: [h('label.field', null, h('span', null, word('url')), h('input', { name: 'url', type: 'url', required: true, value: before?.get('url') ?? '', placeholder: 'http://localhost:3013/hook' }))] }),
    (given) => post(`${of(session)}/listeners`, { url: given.get('url') }));
    if (made?.secret) await ask({ title: word('done'), text: word('secret'), action: word('close'), fields: [h('p.mono', { tabindex: 0 }, made.secret)] });
    await load();
  }

  view.append(h('div.head', null, h('h1', null, word('listeners')), h('button.main-button', { type: 'button', onclick: add }, word('addListener')), h('p.soft', null, word('listenersLead'))), list, head, letters);
  const gentle = () => load().catch((problem) => { if (!ended) show(list, empty(said(problem))); });
  gentle();
  return { tick: gentle, end: () => { ended = true; } };
}

// Whose item it is and what it says; null for one that is no message.
function gist(body) {
  try {
    const item = JSON.parse(body), message = item.message ?? item;
    return message.chat ? { who: chatName(message), text: message.body || `[${message.type ?? item.kind}]` } : null;
  } catch {
    return null;
  }
}
