// What a session may send now: its budgets as facts, and a line for each thing that holds messages back.

import { h } from './element.js';
import { number, word } from './language.js';
import { ago, clockText } from './times.js';
import { fact } from './widgets.js';

const amount = (left) => (left === null ? word('noLimit') : number(left));

function left({ left: some, next_at: next }) {
  return next && some === 0 ? [amount(some), h('span.soft', null, ` · ${word('nextAt')} `, ago(next))] : amount(some);
}

export function budgetFacts({ queue, budget }) {
  if (!queue) return [fact(word('answersLeft'), '–'), fact(word('firstLeft'), '–')];
  if (!budget) return [fact(word('answersLeft'), word('noLimit')), fact(word('firstLeft'), word('noLimit'))];
  const { answers, first_messages: first } = budget, today = first.today ?? 0;
  return [
    fact(word('answersLeft'), left(answers)),
    fact(word('firstLeft'), left(first)),
    first.today === null ? null : fact(word('firstToday'),
      first.per_day === null ? number(today) : word('ofPerDay', number(today), number(first.per_day))),
  ];
}

export function heldBack({ budget, limits }) {
  const locked = limits?.reach_out_locked_until, quiet = budget?.quiet_until, chats = limits?.new_chats;
  return [
    locked ? h('p.advice.bad', null, word('lockedUntil', clockText(locked))) : null,
    quiet ? h('p.advice.wait', null, word('quietUntil', clockText(quiet))) : null,
    chats ? h('p.soft', null, word('newChats', number(chats.used), number(chats.total))) : null,
  ];
}
