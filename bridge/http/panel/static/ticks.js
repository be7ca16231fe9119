// How far a message is, as the marks that people know from WhatsApp.

import { h } from './element.js';
import { word } from './words.js';

const MARKS = { accepted: '◷', sending: '◷', sent: '✓', device: '✓✓', read: '✓✓', played: '✓✓', failed: '✕', unknown: '?' };

export const ticks = (state) => h(`span.tick.${state}`, null, h('b', { 'aria-hidden': 'true' }, MARKS[state] ?? ''), word(state));
