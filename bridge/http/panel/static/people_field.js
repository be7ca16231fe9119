// A field for people, in any spelling of their numbers.

import { h } from './element.js';
import { word } from './language.js';
import { field } from './widgets.js';

// The people of a text: one in each line, or separated by commas.
export const peopleIn = (text) => text.split(/[\n;,]/).map((one) => one.trim()).filter(Boolean);

export const peopleField = (value = '') => field(word('peopleToAdd'), h('textarea', {
  name: 'people',
  rows: 3,
  required: true,
  spellcheck: 'false',
  value,
  placeholder: '+54 9 11 5550-0001\n011 15 5550-0002',
}));
