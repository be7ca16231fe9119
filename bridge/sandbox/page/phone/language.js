// The page's language, that of the browser or the one that was chosen, and what depends on it: texts, dates, times.

import { english } from './texts/en.js';
import { spanish } from './texts/es.js';

const TEXTS = { en: english, es: spanish };
const LOCALES = { en: 'en-GB', es: 'es-AR' };
const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const DAY = { weekday: 'long', day: 'numeric', month: 'long' };
const SHORT = { day: 'numeric', month: 'short' };

let chosen = (localStorage.getItem('language') ?? navigator.language).startsWith('es') ? 'es' : 'en';

export const language = () => chosen;

export function chooseLanguage(name) {
  chosen = name;
  localStorage.setItem('language', name);
}

// A text of this language by its key, undefined where it has none. `{0}` and so on are replaced by `values`.
export const lookup = (key, ...values) =>
  values.reduce((text, value, index) => text?.replace(`{${index}}`, () => value), TEXTS[chosen][key]);

export const word = (key, ...values) => lookup(key, ...values) ?? key;

// A format costs more than its use, and a conversation shows hundreds of times.
const formats = Object.fromEntries(Object.entries(LOCALES).map(([name, locale]) =>
  [name, [CLOCK, DAY, SHORT].map((form) => new Intl.DateTimeFormat(locale, form))]));
const written = (form, seconds) => formats[chosen][form].format(seconds * 1000);

export const clock = (seconds) => written(0, seconds);
export const day = (seconds) => written(1, seconds);

// The time of today, else the date.
export const moment = (seconds) =>
  written(new Date(seconds * 1000).toDateString() === new Date().toDateString() ? 0 : 2, seconds);

export function translate(root) {
  root.documentElement.lang = chosen;
  root.title = word('title');
  for (const one of root.querySelectorAll('[data-word]')) one.textContent = word(one.dataset.word);
  for (const one of root.querySelectorAll('[data-label]')) one.setAttribute('aria-label', word(one.dataset.label));
  for (const one of root.querySelectorAll('[data-placeholder]')) one.placeholder = word(one.dataset.placeholder);
}
