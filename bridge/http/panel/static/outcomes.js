// What became of each person of a request about several.

import { readableAddress } from './addresses.js';
import { h } from './element.js';
import { lookup, word } from './language.js';
import { errorText } from './problems.js';
import { button, toast } from './widgets.js';

const TONES = { done: 'good', invited: 'wait', failed: 'bad', unknown: 'wait' };

// A link, with a button that copies it where the browser lets a page do that: over https or loopback only.
export function copyable(link, kind = 'plain') {
  const copy = () => navigator.clipboard.writeText(link).then(() => toast(word('copied')));
  return navigator.clipboard ? button(kind, word('copyLink'), copy) : h('span.mono', null, link);
}

// A response with `data.people`, as a list; above it what to do where WhatsApp gave no answer.
export function outcomeList({ data, status }) {
  const people = data?.people ?? [];
  return h('div.parts', { role: 'status' },
    status === 'done' ? null : h('p.advice.wait', null, word('inDoubt')),
    h('ul.outcomes', { 'aria-label': word('outcome') }, people.map(outcome)));
}

function outcome({ to, status, code, text, invite }) {
  const why = code ? lookup('words', `person_${code}`) ?? errorText({ code, text }) : null;
  return h('li.row', null,
    h('span', null, readableAddress(to)),
    h(`span.badge.${TONES[status] ?? 'dim'}`, null, word(`person_${status}`)),
    why ? h('span.soft', null, why) : null,
    invite ? copyable(invite) : null);
}
