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

// The newest lines that pass `filters()`, at most `most`. `fail` gets the problem of a load.
export function logLines(filters, most, fail) {
  const list = h('ol'), none = emptyState(word('logEmpty'));
  const frame = h('div.log-lines', { tabindex: 0, role: 'log', 'aria-label': word('log') }, list, none);
  let next = 0, lines = [], closed = false, asked = 0;

  // From the newest lines again, with the filters as they are now.
  function start() {
    next = 0;
    lines = [];
    refresh();
  }

  async function load() {
    const query = new URLSearchParams({ ...filters(), after: next, limit: most });
    const mine = ++asked, found = await get(`/v1/log?${query}`);
    if (closed || mine !== asked) return; // another filter by now
    if (found.lost || next > found.next) lines = []; // lines were dropped meanwhile: the gap must not look like none
    next = found.next;
    const follows = frame.scrollHeight - frame.scrollTop - frame.clientHeight < NEAR, first = !lines.length;
    lines = [...lines, ...found.lines].slice(-most);
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

  function refresh() {
    load().catch((problem) => { if (!closed) fail(problem); });
  }

  return { frame, start, refresh, close: () => { closed = true; } };
}

export function open(view, app) {
  const levels = h('div.chips'), state = h('p.soft', { role: 'status' });
  const filters = () => ({ level, q: text.value.trim(), ...(session ? { session } : {}) });
  const lines = logLines(filters, SHOWN, (problem) => { state.textContent = problemText(problem); });
  let level = 'info', session = '', paused = false, typing = null;

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
    typing = setTimeout(lines.start, TYPING);
  }

  function drawLevels() {
    const choose = (name) => { level = name; drawLevels(); lines.start(); };
    update(levels, LEVELS.map((name) => chip(word(`level_${name}`), level === name, () => choose(name))));
  }

  function refresh() {
    if (!paused) lines.refresh();
  }

  const sessions = h('select', { onchange: ({ target }) => { session = target.value; lines.start(); } },
    h('option', { value: '' }, word('allLines')),
    app.sessions.map(({ session: name }) => h('option', { value: name }, name)));
  drawLevels();
  view.append(
    heading(word('log'), word('logLead'), pause),
    h('section.card', null,
      h('div.row.narrowing', null, levels, field(word('session'), sessions), field(word('logFilter'), text)),
      state, lines.frame, h('p.soft', null, word('logElsewhere'))));
  refresh();
  return { refresh, close: lines.close };
}
