// The state of a message, with WhatsApp's tick marks.

import { h } from './element.js';
import { word } from './language.js';

const MARKS = {
  accepted: '◷',
  sending: '◷',
  sent: '✓',
  device: '✓✓',
  read: '✓✓',
  played: '✓✓',
  failed: '✕',
  unknown: '?',
};

export const ticks = (state) =>
  h(`span.tick.${state}`, null, h('b', { 'aria-hidden': 'true' }, MARKS[state] ?? ''), word(state));
