// Times: how long ago, with the exact moment on hover and for screen readers that ask for it.

import { h } from './element.js';
import { language, locale } from './words.js';

const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60]];
const WEEK = 7 * 86400;

const exact = (at) => at.toLocaleString(locale(), { dateStyle: 'full', timeStyle: 'medium', hourCycle: 'h23' });
const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };

function distance(at) {
  const seconds = (at - Date.now()) / 1000, far = Math.abs(seconds);
  const words = new Intl.RelativeTimeFormat(language(), { numeric: 'auto', style: 'short' });
  if (far >= WEEK) return at.toLocaleDateString(locale(), { day: 'numeric', month: 'short', year: 'numeric' });
  const [unit, length] = UNITS.find(([, size]) => far >= size) ?? ['second', 1];
  if (unit === 'second') return words.format(seconds < 1 ? 0 : Math.round(seconds), 'second');
  return words.format(Math.trunc(seconds / length), unit);
}

const time = (at, shown) => h('time', { datetime: at.toISOString(), title: exact(at) }, shown);

// "3 min ago"; within the last minute simply "now", since a second hand would only distract.
export const ago = (text) => { const at = new Date(text); return time(at, distance(at)); };

// The time of day, with the day where it is not today.
export function moment(text) {
  const at = new Date(text), today = at.toDateString() === new Date().toDateString();
  return time(at, at.toLocaleString(locale(), today ? clock : { day: 'numeric', month: 'short', ...clock }));
}
