// The history of a session's states: the last day as a strip, and a list with since when, how long and why.

import { get, sessionPath } from './api.js';
import { h, svg, update } from './element.js';
import { reasonText, stateName, word } from './language.js';
import { problemText } from './problems.js';
import { tone } from './session_card.js';
import { clockText, exactTime, lasted } from './times.js';
import { button } from './widgets.js';

const MINUTE = 60_000, DAY = 1440;
//: Of a page of the bridge, and entries that the list shows at first.
const PAGE = 500, SHOWN = 10;
//: How high a state stands in the strip: a gap is seen without its colour, too. The strip is 10 high.
const HEIGHTS = { good: 10, calm: 7, wait: 7, bad: 4, dim: 2 };
//: A shorter state is drawn as wide as this, in minutes; what is bad is drawn over its neighbours.
const NARROWEST = 4;

export function stateHistory(session) {
  const path = `${sessionPath(session)}/states?limit=${PAGE}`;
  const day = h('div.part'), list = h('ol.states', { 'aria-label': word('stateHistory') }), foot = h('div');
  let states = [], next = null, shown = SHOWN, known = null, asked = null, problem = null, closed = false;

  // Reads the history again where the status says something new; a read that failed is repeated.
  async function refresh({ state, reason, since }) {
    const newest = `${state} ${reason} ${since}`;
    if ([known, asked].includes(newest)) return draw();
    asked = newest;
    await read(path, (page) => {
      const older = page.next ? states.filter(({ since: at }) => at < page.states.at(-1).since) : [];
      if (!older.length) next = page.next;
      states = [...page.states, ...older];
      known = newest;
    });
    if (asked === newest) asked = null;
  }

  function readOlder() {
    shown *= 2;
    if (shown <= states.length || !next) return draw();
    return read(`${path}&after=${next}`, (page) => {
      states = [...states, ...page.states];
      next = page.next;
    });
  }

  async function read(from, take) {
    try {
      take(await get(from));
      problem = null;
    } catch (error) {
      problem = error;
    }
    draw();
  }

  function draw() {
    if (closed) return;
    update(day, states.length ? lastDay(states) : null);
    update(list, states.slice(0, shown).map(entry));
    update(foot,
      problem ? h('p.soft', { role: 'status' }, problemText(problem)) : null,
      shown < states.length || next ? button('button', word('more'), readOlder) : null);
  }

  return {
    element: h('section.card', null, h('h2', null, word('stateHistory')), day, list, foot),
    refresh,
    close: () => { closed = true; },
  };
}

function entry(one) {
  const passed = Date.now() - Date.parse(one.since), minutes = Math.floor(passed / MINUTE);
  const seconds = (Date.parse(one.until) - Date.parse(one.since)) / 1000;
  const ended = seconds < 1 ? word('underASecond') : lasted(seconds);
  const lasting = minutes > 0 ? word('lastsFor', lasted(minutes * 60)) : word('lastsNow');
  return h('li', null,
    h(`span.badge.${tone(one.state)}`, null, stateName(one.state)),
    h('span', null, reasonText(one)),
    h('span.soft', null, exactTime(one.since), ' · ', one.until ? ended : lasting));
}

// The strip of the last day, by the minute, with what it shows in words.
function lastDay(states) {
  const time = Date.now() / MINUTE, now = Math.ceil(time), begin = now - DAY;
  const minute = (text) => Math.min(Math.max(Date.parse(text) / MINUTE, begin), now);
  const recent = states.filter(({ until }) => !until || minute(until) > begin);
  const pieces = recent.map((one) => {
    const from = minute(one.since), until = one.until ? minute(one.until) : Math.max(from, time);
    return { ...one, from, length: until - from, tone: tone(one.state) };
  });
  const totals = new Map();
  for (const { state, length } of pieces) totals.set(state, (totals.get(state) ?? 0) + length);
  const unknown = DAY - pieces.reduce((all, { length }) => all + length, 0);
  const longest = [...totals].filter(([, length]) => length * 60 >= 1).sort(([, one], [, other]) => other - one);
  const named = longest.map(([state, length]) => [tone(state), stateName(state), lasted(length * 60)]);
  if (unknown >= 2) named.push(['none', word('noRecord'), lasted(unknown * 60)]);
  const spoken = named.map(([, name, length]) => `${name} ${length}`).join(', ');
  const drawn = [...pieces].sort((one, other) => HEIGHTS[other.tone] - HEIGHTS[one.tone]);
  return [
    h('div.legend', null, named.map(([of, name, length]) => h(`span.${of}`, null, `${name} `, h('b', null, length)))),
    svg('svg', {
      class: 'timeline',
      viewBox: `0 0 ${DAY} 10`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': `${word('lastDay')}: ${spoken}`,
    }, ...drawn.map((one) => piece(one, begin))),
    h('div.row.apart.soft', null, h('span', null, clockText(begin * MINUTE)), h('span', null, word('untilNow'))),
  ];
}

function piece(one, begin) {
  const height = HEIGHTS[one.tone], width = Math.max(one.length, NARROWEST);
  const x = Math.min(one.from - begin, DAY - width), until = one.until ? clockText(one.until) : word('untilNow');
  return svg('rect', { class: one.tone, x, y: 10 - height, width, height },
    svg('title', {}, `${clockText(one.since)} – ${until}: ${stateName(one.state)}. ${reasonText(one)}`));
}
