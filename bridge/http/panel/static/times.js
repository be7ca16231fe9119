// Times, with the exact moment as a tooltip.

import { h } from './element.js';
import { language, locale } from './language.js';

const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60]];
const WEEK = 7 * 86400;

const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const EXACT = { dateStyle: 'full', timeStyle: 'medium', hourCycle: 'h23' };
const SECONDS = { ...CLOCK, second: '2-digit' };
const DATED = { day: 'numeric', month: 'short', ...CLOCK };
const DATED_SECONDS = { ...DATED, ...SECONDS };

const formats = new Map();

// A time in one of the forms above. A format costs more than its use, and a conversation shows hundreds of times.
function formatted(at, form) {
  const ofLocale = formats.get(locale()) ?? formats.set(locale(), new Map()).get(locale());
  if (!ofLocale.has(form)) ofLocale.set(form, new Intl.DateTimeFormat(locale(), form));
  return ofLocale.get(form).format(at);
}

const exact = (at) => formatted(at, EXACT);

function relative(at) {
  const seconds = (at - Date.now()) / 1000, distance = Math.abs(seconds);
  if (distance >= WEEK) return at.toLocaleDateString(locale(), { day: 'numeric', month: 'short', year: 'numeric' });
  const format = new Intl.RelativeTimeFormat(language(), { numeric: 'auto', style: 'short' });
  const [unit, length] = UNITS.find(([, size]) => distance >= size) ?? ['second', 1];
  if (unit === 'second') return format.format(seconds < 1 ? 0 : Math.round(seconds), 'second');
  return format.format(Math.trunc(seconds / length), unit);
}

const time = (at, shown) => h('time', { datetime: at.toISOString(), title: exact(at) }, shown);

// "3 min ago"; within the last minute "now", since a running seconds display would distract.
export function ago(text) {
  const at = new Date(text);
  return time(at, relative(at));
}

// The time of day as a text, with the date unless it is today.
export function clockText(text) {
  const at = new Date(text), today = at.toDateString() === new Date().toDateString();
  return formatted(at, today ? CLOCK : DATED);
}

// The same as an element.
export function timeOfDay(text) {
  return time(new Date(text), clockText(text));
}

const LENGTHS = [...UNITS, ['second', 1]];
const amounts = new Map();

function amount(count, unit) {
  const name = `${locale()} ${unit}`, form = { style: 'unit', unit, unitDisplay: 'long' };
  if (!amounts.has(name)) amounts.set(name, new Intl.NumberFormat(locale(), form));
  return amounts.get(name).format(count);
}

// A duration in its two largest units: "3 hours 12 minutes".
export function lasted(seconds) {
  let rest = Math.max(0, Math.round(seconds));
  const first = LENGTHS.findIndex(([, length]) => rest >= length);
  return LENGTHS.slice(first).slice(0, first < 0 ? 1 : 2).flatMap(([unit, length], index) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count || !index ? [amount(count, unit)] : [];
  }).join(' ');
}

// The time with seconds, as an element.
export function exactTime(text) {
  const at = new Date(text), today = at.toDateString() === new Date().toDateString();
  return time(at, formatted(at, today ? SECONDS : DATED_SECONDS));
}
