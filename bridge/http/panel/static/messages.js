// The live feed of one session: what arrives (server-sent events), what leaves (the outbox), and a box to send.

import { get, may, of, post } from './api.js';
import { empty, h, show, toast } from './element.js';
import { fault, said } from './faults.js';
import { called, chatName, note as noteName } from './names.js';
import { isErased, person } from './phones.js';
import { moment } from './times.js';
import { word } from './words.js';
import { ticks } from './ticks.js';

//: Items that the page keeps; the journal has the rest.
const KEPT = 300;
const SHOWS = ['all', 'incoming', 'outgoing', 'groups'];

export function open(view, world) {
  const { session } = world;
  const feed = h('div.feed', { role: 'log', 'aria-label': word('messages') });
  const items = new Map(), groups = new Set(), wanted = { text: '', show: 'all' };
  let ended = false;
  const search = h('input', { type: 'search', autocomplete: 'off', oninput: (event) => { wanted.text = event.target.value.toLowerCase(); draw(); } });
  const chips = h('div.chips');
  const to = h('input', { name: 'to', required: true, maxlength: 128, inputmode: 'tel', autocomplete: 'off', placeholder: '+54 9 11 5550-0001' });
  const text = h('textarea', { name: 'message', rows: 3, placeholder: word('text'), required: true, maxlength: 65536 });

  const chosen = (item) => {
    if (wanted.show === 'incoming' && item.mine) return false;
    if (wanted.show === 'outgoing' && !item.mine) return false;
    if (wanted.show === 'groups' && !groups.has(item.chat)) return false;
    return !wanted.text || `${item.who ?? ''} ${called(item.chat)} ${item.chat} ${person(item.chat)} ${item.body}`.toLowerCase().includes(wanted.text);
  };

  function draw() {
    if (ended) return;
    show(chips, SHOWS.map((name) => h('button', { type: 'button', 'aria-pressed': String(wanted.show === name), onclick: () => { wanted.show = name; draw(); } }, word(name))));
    const listed = [...items.values()].sort((a, b) => b.at - a.at || b.seq - a.seq).filter(chosen).slice(0, KEPT);
    show(feed, listed.length ? listed.map(bubble) : [items.size ? empty(word('nothingFound')) : empty(word('waiting'), word('waitingHint'))]);
  }

  function bubble(item) {
    return h(item.mine ? 'article.bubble.mine' : 'article.bubble', null,
      h('header', null, h('strong', null, item.mine ? word('toWhom', called(item.chat)) : item.who), groups.has(item.chat) ? h('span.tag', null, word('group')) : null, moment(item.when)),
      h('p.text', { dir: 'auto' }, item.body || `[${item.type}]`),
      item.error ? h('p.soft', null, fault(item.error)) : null,
      item.state || item.note || !item.mine ? h('div.row.apart', null,
        item.state ? ticks(item.state) : h('span.soft', null, item.note ?? ''),
        !item.mine && may('send') ? h('button.plain', { type: 'button', onclick: () => { to.value = person(item.chat); text.focus(); } }, word('reply')) : null) : null);
  }

  function take(message, mine, note) {
    if (message.type === 'erased') return;
    if (!mine) noteName(message);
    const when = new Date(message.timestamp * 1000).toISOString();
    if (message.author !== message.chat) groups.add(message.chat);
    items.set(`in ${message.id}`, { at: message.timestamp * 1000, seq: message.seq ?? 0, when, mine, note, chat: message.chat, type: message.type, body: message.body, who: mine ? null : chatName(message) });
    while (items.size > KEPT * 2) items.delete(items.keys().next().value);
  }

  async function look() {
    if (!may('send')) return;
    const told = await get(`${of(session)}/sends?limit=50`).catch(() => null);
    for (const one of told?.sends ?? []) {
      if (isErased(one.to)) items.delete(`out ${one.number}`);
      else items.set(`out ${one.number}`, { at: Date.parse(one.claimed_at), seq: one.number, when: one.claimed_at, mine: true, state: one.state, chat: one.chat ?? one.to, body: one.message, who: null, error: one.error });
    }
    draw();
  }

  const sources = new Map();
  // From 50 items back; anew where the session was closed when it was tried: a browser gives up then.
  function follow() {
    const status = world.sessions.find((one) => one.session === session);
    for (const [stream, last] of [['in', status?.last_seq], ['event', status?.last_event_seq]]) {
      if (!status?.epoch || (sources.has(stream) && sources.get(stream).readyState !== EventSource.CLOSED)) continue;
      const source = new EventSource(`${of(session)}/events?stream=${stream}&after=${status.epoch}:${Math.max(0, (last ?? 0) - 50)}`);
      source.addEventListener('message', (event) => { if (event.data) { take(JSON.parse(event.data), false); soon(); } });
      source.addEventListener('event', (event) => { const told = JSON.parse(event.data); if (told.message) { take(told.message, true, word('own')); soon(); } });
      sources.set(stream, source);
    }
  }
  let due = 0;
  const soon = () => { due ||= setTimeout(() => { due = 0; draw(); }, 80); };

  const form = h('form.card', { onsubmit: async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      await post(`${of(session)}/sends`, { to: to.value, message: text.value, priority: 'human' });
      text.value = '';
      await look();
    } catch (problem) {
      toast(said(problem), true);
    } finally {
      button.disabled = false;
      text.focus();
    }
  } }, h('h2', null, word('sendTitle')), h('label.field', null, h('span', null, word('to')), to), h('label.field', null, h('span', null, word('text')), text), h('button.main-button', { type: 'submit' }, word('send')));
  text.addEventListener('keydown', (event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); } });

  view.append(h('div.head', null, h('h1', null, word('messages')), h('p.soft', null, word('messagesLead'))),
    h('div.split', null,
      h('div.feed', null, h('div.filters', null, h('label.field', null, h('span', null, word('filter')), search), chips), feed),
      may('send') ? h('div.side', null, form) : null));
  const tick = () => { follow(); look(); };
  draw();
  tick();
  return { tick, end: () => { ended = true; sources.forEach((source) => source.close()); clearTimeout(due); } };
}
