// The outbox of one session: every command, its state, and what to do about one that failed.

import { get, remove, sessionPath } from './api.js';
import { isErased } from './addresses.js';
import { loadNames, nameAndNumber } from './contact_names.js';
import { openDialog } from './dialogs.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { postOnce } from './once.js';
import { adviceText, doubtText, errorText, problemText, waitText } from './problems.js';
import { ticks } from './ticks.js';
import { ago } from './times.js';
import { button, chip, emptyState, heading, toast } from './widgets.js';

//: Of each selection: its value in the query, the key of its button, and that of the text for an empty list.
const SELECTIONS = [
  [null, 'all', 'nothingSent'],
  ['open', 'open', 'noneOpen'],
  ['failed', 'failedMany', 'noneSuch'],
  ['unknown', 'unknownMany', 'noneSuch'],
  ['sent', 'sentMany', 'nothingSent'],
];
const PAGE = 25, LONGEST = 500;

export function open(view, app) {
  const { session } = app, path = `${sessionPath(session)}/sends`;
  const chips = h('div.chips', { role: 'group', 'aria-label': word('outbox') }), list = h('div.feed'), foot = h('div');
  const attempts = new Map(); // number of a send -> the attempt to send it again
  let only = null, sends = [], more = false, closed = false, length = PAGE;

  async function load() {
    const requested = only;
    const page = await get(`${path}?limit=${length}${only ? `&only=${only}` : ''}`);
    if (closed || requested !== only) return;
    sends = page.sends;
    more = sends.length === length && length < LONGEST;
    draw();
  }

  function draw() {
    const choose = (value) => { only = value; length = PAGE; load(); };
    const lengthen = () => { length = Math.min(LONGEST, length * 2); load(); };
    update(chips, SELECTIONS.map(([value, name]) => chip(word(name), only === value, () => choose(value))));
    update(list, sends.length ? sends.map(card) : nothing());
    update(foot, more ? button('button', word('more'), lengthen) : null);
  }

  function nothing() {
    const [, , text] = SELECTIONS.find(([value]) => value === only);
    return emptyState(word(text), text === 'nothingSent' ? word('nothingSentHint') : null);
  }

  function card(send) {
    const { state, error } = send;
    const settledBadly = (state === 'failed' || state === 'unknown') && !isErased(send.to);
    const advised = settledBadly && error?.code !== 'cancelled';
    return h('article.card.send-item', null,
      h('div.row.apart', null, h('strong', null, nameAndNumber(send.chat, send.to)), ticks(state)),
      h('p.text', { dir: 'auto' }, send.message),
      error || send.doubt ? h('p', null, error ? errorText(error) : doubtText(send)) : null,
      send.waits ? h('p.soft', null, waitText(send.waits)) : null,
      advised ? h(`p.advice.${state === 'failed' ? 'bad' : 'wait'}`, null, adviceText(error?.code)) : null,
      h('div.row.apart', null,
        h('span.soft', null, ago(send.claimed_at), ' · ', h('span.mono', null, send.id)),
        settledBadly ? button('button', word('again'), () => sendAgain(send)) : null,
        state === 'accepted' ? button('button', word('cancelSend'), () => cancelSend(send)) : null));
  }

  async function cancelSend({ id }) {
    const question = { title: word('cancelSendAsk'), text: word('cancelSendText'), action: word('cancelSend') };
    if (!(await openDialog({ ...question, cancel: word('cancel'), danger: true }))) return;
    try {
      await remove(`${path}/${encodeURIComponent(id)}`);
      toast(word('done'));
    } catch (problem) {
      toast(problemText(problem), true);
    }
    await load();
  }

  async function sendAgain({ number, state, to, content }) {
    const unknown = state === 'unknown', text = word(unknown ? 'againUnknown' : 'againText');
    const question = { title: word('againAsk'), text, action: word('again'), cancel: word('cancel') };
    if (!(await openDialog({ ...question, danger: unknown }))) return;
    try {
      if (!attempts.has(number)) attempts.set(number, {});
      await postOnce(path, { to, ...content, priority: 'human' }, attempts.get(number));
      toast(word('done'));
    } catch (problem) {
      toast(problemText(problem), true);
    }
    only = null;
    await load();
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(list, emptyState(problemText(problem))); });
  }

  view.append(heading(word('outbox'), word('outboxLead')), chips, list, foot);
  refresh();
  loadNames(app.sessions.find((one) => one.session === session)).then((known) => { if (known && !closed) draw(); });
  return { refresh, close: () => { closed = true; } };
}
