// What became of each person of a request about several.

import { readableAddress } from './addresses.js';
import { h } from './element.js';
import { lookup, word } from './language.js';
import { errorText } from './problems.js';
import { button, toast } from './widgets.js';

const TONES = { done: 'good', invited: 'wait', failed: 'bad', unknown: 'wait' };

export async function copyText(text) {
  await navigator.clipboard?.writeText(text);
  toast(word('copied'));
}

// A response with `data.people`, as a list; the response's own error, if it has one, above it.
export function outcomeList({ data, error, status }) {
  const people = data?.people ?? [];
  return h('div.parts', { role: 'status' },
    status === 'done' ? null : h('p.advice.wait', null, error ? errorText(error) : word('inDoubt')),
    h('ul.outcomes', { 'aria-label': word('outcome') }, people.map(outcome)));
}

function outcome({ to, status, code, text, invite }) {
  const why = code ? lookup('words', `person_${code}`) ?? errorText({ code, text }) : null;
  return h('li.row', null,
    h('span', null, readableAddress(to)),
    h(`span.badge.${TONES[status] ?? 'dim'}`, null, word(`person_${status}`)),
    why ? h('span.soft', null, why) : null,
    invite ? button('plain', word('copyLink'), () => copyText(invite)) : null);
}
