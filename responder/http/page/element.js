// Builds page elements; text is inserted as text, never as markup.

import { language } from './words.js';

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

// The displayed name of a chat; a number gets its plus sign.
export const nameOf = (chat) => chat.name || (/^\d{5,15}$/.test(chat.person) ? `+${chat.person}` : chat.person);

export const toneOf = (text) => `tone-${[...text].reduce((sum, c) => sum + c.codePointAt(0), 0) % 6}`;

export const initialOf = (name) => [...name.replace(/^\+/, '')][0]?.toUpperCase() ?? '?';

// The browser's region decides the format if its language is the page's.
const locale = navigator.language.startsWith(language) ? navigator.language : language;
export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(locale, { day: 'numeric', month: 'long', year: 'numeric' });

// The time if it is today, else the date.
export function moment(seconds) {
  const then = new Date(seconds * 1000);
  return then.toDateString() === new Date().toDateString() ? clock(seconds) : then.toLocaleDateString(locale, { day: 'numeric', month: 'short' });
}
