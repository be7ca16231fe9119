// What the pages of campaigns have in common: the state, the bar, the numbers, the rows that are not used.

import { h } from './element.js';
import { lookup, number, word } from './language.js';
import { postOnce } from './once.js';
import { errorText } from './problems.js';
import { fact } from './widgets.js';

//: Milliseconds: a list of many people takes long, and the bridge waits 120 s for the campaigns.
export const PLANNING = 125_000;

// Saves a draft once, however often it is posted with the same `attempt`.
export const planOnce = (plan, attempt) =>
  postOnce('/v1/campaigns', plan, attempt, { limit: PLANNING, name: plan.name });

const TONES = {
  draft: 'dim',
  scheduled: 'wait',
  running: 'good',
  paused: 'wait',
  done: 'good',
  cancelled: 'dim',
  stopped: 'bad',
};
//: Of each number: its field, and the key of its name.
const NUMBERS = [
  ['planned', 'planned'],
  ['waiting', 'stillWaiting'],
  ['sent', 'sentTo'],
  ['delivered', 'delivered_to'],
  ['read', 'read_by'],
  ['answered', 'answered_by'],
  ['failed', 'failed_for'],
  ['unknown', 'in_doubt'],
  ['skipped', 'skipped_of'],
];

export const badge = ({ state }) => h(`span.badge.${TONES[state] ?? 'dim'}`, null, word(`state_${state}`));

// How much of the campaign is finished, and how much of that failed or is in doubt.
export function bar({ planned, sent, failed, unknown }) {
  const share = (value) => `${planned ? Math.round((1000 * value) / planned) / 10 : 0}%`;
  const part = (tone, value) => svgPart(tone, share(value));
  const text = `${number(sent)} / ${number(planned)}`;
  return h('div.progress', { role: 'img', 'aria-label': `${word('sentTo')}: ${text}` },
    part('good', sent), part('bad', failed), part('wait', unknown));
}

function svgPart(tone, width) {
  const made = h(`span.${tone}`, null);
  made.style.inlineSize = width;
  return made;
}

// A draft has sent nothing: that all of it waits is no news.
const isShown = (campaign, field) => (campaign.state === 'draft'
  ? field === 'planned' || (field === 'skipped' && campaign.skipped)
  : campaign[field] || ['planned', 'sent'].includes(field));

export const numbers = (campaign) => h('dl.facts.few', null, NUMBERS
  .filter(([field]) => isShown(campaign, field))
  .map(([field, name]) => fact(word(name), number(campaign[field]))));

// What it waits for or what stopped it.
export function why({ reason, text, state }) {
  if (!reason) return null;
  const key = `why_${reason}`, known = word(key);
  return h(`p.advice.${state === 'stopped' ? 'bad' : 'wait'}`, null, known === key ? text ?? reason : known);
}

// Why a recipient failed, is in doubt, or is left out.
export function codeText({ code, error }) {
  if (!code) return '';
  const key = `code_${code}`, known = word(key);
  return known === key ? errorText({ code, text: error ?? code }) : known;
}

// `title`: the key of what these rows are.
export function badRows({ bad_rows: rows, bad_row_count: count }, title = 'badRows') {
  if (!count) return null;
  const known = (code, variable) => lookup('words', `row_${code}`, variable ?? word('someVariable'));
  const reason = ({ code, variable, reason: given }) => known(code, variable) ?? given;
  return h('details.card', null,
    h('summary', null, word(title, number(count))),
    h('ul.rows', null, rows.map((row) => h('li', null, `${word('rowLine', row.line)}: ${reason(row)}`))));
}

// A name may be written from right to left, and its number is not.
export const recipientName = (name, to) =>
  h('strong', null, name ? [h('bdi', null, name), ' · '] : null, `+${to}`);

export const previewOf = (rows) => h('section.card', null,
  h('h2', null, word('previewTitle')),
  h('ol.feed', null, rows.map(({ to, name, text }) => h('li.bubble', null,
    recipientName(name, to), h('p.text', { dir: 'auto' }, text)))));
