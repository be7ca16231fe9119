// The newest lines of the bridge's log, live; what is filtered is filtered by the bridge.

import { get } from './api.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { exactTime } from './times.js';
import { button, chip, emptyState, field, heading } from './widgets.js';

const LEVELS = ['info', 'warning', 'error'];
const TONES = { WARNING: 'wait', ERROR: 'bad', CRITICAL: 'bad' };
//: Lines that are shown; the bridge keeps more.
const SHOWN = 500;
//: Pixels from the end within which the list follows the newest line.
const NEAR = 40;
//: Milliseconds after the last key before the bridge is asked.
const TYPING = 250;

export function open(view, app) {
  const levels = h('div.chips'), list = h('ol'), none = emptyState(word('logEmpty'));
  const frame = h('div.log-lines', { tabindex: 0, role: 'log', 'aria-label': word('log') }, list, none);
  const state = h('p.soft', { role: 'status' });
  let level = 'info', session = '', next = 0, lines = [], paused = false, closed = false, typing = null, asked = 0;

  const pause = button('button', word('pause'), () => {
    paused = !paused;
    pause.textContent = word(paused ? 'resume' : 'pause');
    pause.setAttribute('aria-pressed', String(paused));
    state.textContent = paused ? word('logPaused') : '';
    if (!paused) refresh();
  }, { 'aria-pressed': 'false' });
  const text = h('input', { type: 'search', maxlength: 200, autocomplete: 'off', oninput: type });

  function type() {
    clearTimeout(typing);
    typing = setTimeout(start, TYPING);
  }

  // From the newest lines again, with the filters as they are now.
  function start() {
    next = 0;
    lines = [];
    load().catch(fail);
  }

  async function load() {
    const query = new URLSearchParams({ level, after: next, limit: SHOWN, q: text.value.trim() });
    if (session) query.set('session', session);
    const mine = ++asked, found = await get(`/v1/log?${query}`);
    if (closed || mine !== asked) return; // another filter by now
    if (found.lost || next > found.next) lines = []; // lines were dropped meanwhile: the gap must not look like none
    next = found.next;
    const follows = frame.scrollHeight - frame.scrollTop - frame.clientHeight < NEAR, first = !lines.length;
    lines = [...lines, ...found.lines].slice(-SHOWN);
    if (lines.length && !found.lines.length) return;
    update(list, lines.map(line));
    none.hidden = lines.length > 0;
    if (follows || first) frame.scrollTop = frame.scrollHeight;
  }

  const line = ({ at, level: of, logger, message, session: about, trace, exception }) =>
    h(`li${TONES[of] ? `.${TONES[of]}` : ''}`, null,
      exactTime(at), ' ', TONES[of] ? h('strong.tone', null, `${of} `) : null,
      h('span', { title: [logger, about, trace].filter(Boolean).join(' · ') }, message),
      ' ', h('span.soft', null, logger),
      exception ? h('pre', { tabindex: 0 }, exception) : null);

  function drawLevels() {
    const choose = (name) => { level = name; drawLevels(); start(); };
    update(levels, LEVELS.map((name) => chip(word(`level_${name}`), level === name, () => choose(name))));
  }

  function fail(problem) {
    if (!closed) state.textContent = problemText(problem);
  }

  function refresh() {
    if (!paused) load().catch(fail);
  }

  const sessions = h('select', { onchange: ({ target }) => { session = target.value; start(); } },
    h('option', { value: '' }, word('allLines')),
    app.sessions.map(({ session: name }) => h('option', { value: name }, name)));
  drawLevels();
  view.append(
    heading(word('log'), word('logLead'), pause),
    h('section.card', null,
      h('div.row.narrowing', null, levels, field(word('session'), sessions), field(word('logFilter'), text)),
      state, frame, h('p.soft', null, word('logElsewhere'))));
  refresh();
  return { refresh, close: () => { closed = true; } };
}
