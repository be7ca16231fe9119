// Parts that several sections have in common.

import { h, svg } from './element.js';

// Outlines in a square of 24.
export const SEND_ICON = 'M3 11l18-7-7 17-3-7z';
export const FILE_ICON =
  'M20 11.5l-8.4 8.4a5 5 0 0 1-7-7l8.6-8.6a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.6-7.6';

export const icon = (path) =>
  svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: path }));

// `label`: a text or an element. `kind`: button, main-button, danger or plain.
export const button = (kind, label, onclick, attributes) =>
  h(`button.${kind}`, { type: 'button', onclick, ...attributes }, label);

export const chip = (label, pressed, onclick) =>
  h('button', { type: 'button', 'aria-pressed': String(pressed), onclick }, label);

export const field = (label, control) => h('label.field', null, h('span', null, label), control);

export const fact = (label, value) => h('div', null, h('dt', null, label), h('dd', null, value));

// A name: in its own direction, and whole in its title where the place is too narrow.
export const named = (tag, name) => h(tag, { dir: 'auto', title: name }, name);

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
