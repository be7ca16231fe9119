// Parts that several sections have in common.

import { h } from './element.js';

// `kind`: button, main-button, danger or plain.
export const button = (kind, label, onclick, attributes) =>
  h(`button.${kind}`, { type: 'button', onclick, ...attributes }, label);

export const chip = (label, pressed, onclick) =>
  h('button', { type: 'button', 'aria-pressed': String(pressed), onclick }, label);

export const field = (label, control) => h('label.field', null, h('span', null, label), control);

export const fact = (label, value) => h('div', null, h('dt', null, label), h('dd', null, value));

export const heading = (title, lead, ...actions) =>
  h('div.head', null, h('h1', null, title), ...actions, lead ? h('p.soft', null, lead) : null);

// What is shown in the place of an empty list: what that means, and what to do.
export const emptyState = (text, hint) =>
  h('div.empty', null, h('p', null, text), hint ? h('p.soft', null, hint) : null);

export function toast(text, bad = false) {
  const made = h(bad ? 'p.bad' : 'p', null, text);
  document.getElementById('toasts').append(made);
  setTimeout(() => made.remove(), bad ? 8000 : 3500);
}
