// The page of one session: its state now, the history of its states, its webhooks, and its lines of the log.

import { hasScope } from './api.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { logLines } from './log.js';
import { problemText } from './problems.js';
import { sessionCards } from './session_card.js';
import { stateHistory } from './session_states.js';
import { webhookCards } from './webhooks.js';
import { emptyState, heading } from './widgets.js';

//: Sections of the session, with the scope that each needs.
const LINKS = [['messages', 'listen'], ['outbox', 'send'], ['charts', null]];
//: Lines of the log.
const LINES = 100;

const link = (section, text) => h('a.button', { href: `#${section}` }, text);

export function openSession(view, app, session) {
  const now = h('div.feed'), cards = sessionCards(app, drawNow);
  let parts = [], closed = false;

  function drawNow() {
    if (closed) return;
    const status = statusOf();
    update(now, status ? cards.card(status, word('stateNow')) : emptyState(word('noSuchSession')));
  }

  const statusOf = () => app.sessions.find((one) => one.session === session);

  function refresh() {
    const status = statusOf();
    if (!status) return drawNow();
    if (!parts.length) begin();
    for (const part of parts) part.refresh(status);
    return cards.ask([status]);
  }

  function begin() {
    app.session = session; // the sections that are opened from here show it
    parts = [stateHistory(session), ...(hasScope('listen') ? [webhooks()] : []), ...(hasScope('admin') ? [log()] : [])];
    view.append(...parts.map(({ element }) => element));
  }

  function webhooks() {
    const shown = webhookCards(session);
    const head = h('div.row.apart', null, h('h2', null, word('listeners')), shown.adding);
    return { ...shown, element: h('section.part', null, head, shown.list) };
  }

  function log() {
    const problem = h('p.soft', { role: 'status', hidden: true });
    const fail = (error) => Object.assign(problem, { textContent: problemText(error), hidden: false });
    const lines = logLines(() => ({ session }), LINES, fail);
    lines.frame.classList.add('tail');
    const head = h('div.row.apart', null, h('h2', null, word('log')), link('log', word('wholeLog')));
    return { ...lines, element: h('section.card', null, head, problem, lines.frame) };
  }

  const links = LINKS.filter(([, scope]) => !scope || hasScope(scope)).map(([name]) => link(name, word(name)));
  view.append(heading(session, null, link('sessions', word('allSessionsShown'))), h('div.row', null, links), now);
  drawNow();
  refresh();
  return {
    refresh,
    close() {
      closed = true;
      for (const part of parts) part.close();
    },
  };
}
