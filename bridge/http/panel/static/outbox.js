// The outbox of one session: every command, how far it is, and what to do about one that went wrong.

import { get, of, post } from './api.js';
import { ask, h, show, toast } from './element.js';
import { advice, fault, isErased, moment, person, word } from './words.js';
import { ticks } from './ticks.js';

const SELECTIONS = [[null, 'all'], ['open', 'open'], ['failed', 'failedMany'], ['unknown', 'unknownMany'], ['sent', 'sentMany']];
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
    show(list, rows.length ? rows.map(item) : [h('p.empty', null, word('nothing'))]);
    show(foot, more ? [h('button.button', { type: 'button', onclick: () => { length = Math.min(500, length * 2); load(); } }, word('more'))] : []);
  }

  function item(one) {
    const wrong = (one.state === 'failed' || one.state === 'unknown') && !isErased(one.to);
    return h('article.card.send-item', null,
      h('div.row.apart', null, h('strong', null, person(one.to ?? one.chat)), ticks(one.state)),
      h('p.text', { dir: 'auto' }, one.message),
      one.error ? h('p', null, fault(one.error)) : null,
      wrong ? h(`p.advice.${one.state === 'failed' ? 'bad' : 'wait'}`, null, advice(one.error?.code ?? 'unknown') || advice('unknown')) : null,
      h('div.row.apart', null, h('span.soft', null, `${moment(one.claimed_at)} · `, h('span.mono', null, one.id)),
        wrong ? h('button.button', { type: 'button', onclick: () => again(one) }, word('again')) : null));
  }

  async function again(one) {
    const text = one.state === 'unknown' ? word('againUnknown') : word('againText');
    if (!(await ask({ title: word('againAsk'), text, action: word('again'), cancel: word('cancel'), danger: one.state === 'unknown' }))) return;
    try {
      await post(`${of(session)}/sends`, { to: one.to, message: one.message, priority: 'human' });
      toast(word('done'));
    } catch (problem) {
      toast(problem.message, true);
    }
    only = null;
    await load();
  }

  view.append(h('div.head', null, h('h1', null, word('outbox')), h('p.soft', null, word('outboxLead'))), chips, list, foot);
  const gentle = () => load().catch((problem) => { if (!ended) show(list, h('p.empty', null, problem.message)); });
  gentle();
  return { tick: gentle, end: () => { ended = true; } };
}
