// The outbox of one session: every command, how far it is, and what to do about one that went wrong.

import { get, of, post } from './api.js';
import { ask } from './dialogs.js';
import { empty, h, show, toast } from './element.js';
import { advice, doubt, fault, said } from './faults.js';
import { learn, spelledOut } from './names.js';
import { isErased } from './phones.js';
import { ticks } from './ticks.js';
import { ago } from './times.js';
import { word } from './words.js';

//: Of each selection: its name in the query, on its button, and what to say where it has nothing.
const SELECTIONS = [[null, 'all', 'nothingSent'], ['open', 'open', 'noneOpen'], ['failed', 'failedMany', 'noneSuch'], ['unknown', 'unknownMany', 'noneSuch'], ['sent', 'sentMany', 'nothingSent']];
const PAGE = 25;

export function open(view, world) {
  const { session } = world;
  const chips = h('div.chips', { role: 'group', 'aria-label': word('outbox') }), list = h('div.feed'), foot = h('div');
  let only = null, rows = [], more = false, ended = false, length = PAGE;

  async function load() {
    const asked = only;
    const told = await get(`${of(session)}/sends?limit=${length}${only ? `&only=${only}` : ''}`);
    if (ended || asked !== only) return;
    rows = told.sends;
    more = rows.length === length && length < 500;
    draw();
  }

  function draw() {
    show(chips, SELECTIONS.map(([value, name]) => h('button', { type: 'button', 'aria-pressed': String(only === value), onclick: () => { only = value; length = PAGE; load(); } }, word(name))));
    show(list, rows.length ? rows.map(item) : [nothing()]);
    show(foot, more ? [h('button.button', { type: 'button', onclick: () => { length = Math.min(500, length * 2); load(); } }, word('more'))] : []);
  }

  function nothing() {
    const text = SELECTIONS.find(([value]) => value === only)[2];
    return empty(word(text), text === 'nothingSent' ? word('nothingSentHint') : null);
  }

  function item(one) {
    const wrong = (one.state === 'failed' || one.state === 'unknown') && !isErased(one.to);
    return h('article.card.send-item', null,
      h('div.row.apart', null, h('strong', null, spelledOut(one.chat, one.to)), ticks(one.state)),
      h('p.text', { dir: 'auto' }, one.message),
      one.error || one.doubt ? h('p', null, one.error ? fault(one.error) : doubt(one.doubt)) : null,
      wrong ? h(`p.advice.${one.state === 'failed' ? 'bad' : 'wait'}`, null, advice(one.error?.code)) : null,
      h('div.row.apart', null, h('span.soft', null, ago(one.claimed_at), ' · ', h('span.mono', null, one.id)),
        wrong ? h('button.button', { type: 'button', onclick: () => again(one) }, word('again')) : null));
  }

  async function again(one) {
    const text = one.state === 'unknown' ? word('againUnknown') : word('againText');
    if (!(await ask({ title: word('againAsk'), text, action: word('again'), cancel: word('cancel'), danger: one.state === 'unknown' }))) return;
    try {
      await post(`${of(session)}/sends`, { to: one.to, message: one.message, priority: 'human' });
      toast(word('done'));
    } catch (problem) {
      toast(said(problem), true);
    }
    only = null;
    await load();
  }

  view.append(h('div.head', null, h('h1', null, word('outbox')), h('p.soft', null, word('outboxLead'))), chips, list, foot);
  const gentle = () => load().catch((problem) => { if (!ended) show(list, empty(said(problem))); });
  gentle();
  learn(world.sessions.find((one) => one.session === session)).then((found) => { if (found && !ended) draw(); });
  return { tick: gentle, end: () => { ended = true; } };
}
