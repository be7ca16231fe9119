// The page's language, and everything that depends on it: texts, numbers, locale.

import { kinds } from './kinds.js';
import { answerSentences, answerWords } from './texts/answers.js';
import { approvals } from './texts/approvals.js';
import { campaigns } from './texts/campaigns.js';
import { conversation } from './texts/conversation.js';
import { english } from './texts/en.js';
import { spanish } from './texts/es.js';
import { fieldWords } from './texts/fields.js';
import { operator } from './texts/operator.js';
import { people } from './texts/people.js';
import { sessionChanges } from './texts/session_changes.js';
import { webhookWords } from './texts/webhooks.js';

const withParts = (texts, ...parts) => Object.fromEntries(Object.keys(texts).map((table) =>
  [table, Object.assign({}, texts[table], ...parts.map((part) => part[table]))]));
// The words of the sections, each a part with `en` and `es`.
export const WORDS = [answerWords, people, conversation, sessionChanges, webhookWords, fieldWords];
const wordsOf = (name) => Object.assign({}, ...WORDS.map((part) => part[name]));
const TEXTS = {
  en: withParts(english, { words: wordsOf('en') }, campaigns.en, approvals.en, operator.en),
  es: withParts(spanish, { words: wordsOf('es') }, campaigns.es, approvals.es, operator.es, answerSentences),
};
const LOCALES = { en: 'en-GB', es: 'es-AR' };

let chosen = (localStorage.getItem('language') ?? navigator.language).startsWith('es') ? 'es' : 'en';

export const language = () => chosen;
export const otherLanguage = () => (chosen === 'es' ? 'en' : 'es');
export const locale = () => LOCALES[chosen];

export function chooseLanguage(name) {
  chosen = name;
  localStorage.setItem('language', name);
}

// A text of this language by its key, undefined where it has none. `{0}` and so on are replaced by `values`.
export const lookup = (table, key, ...values) =>
  values.reduce((text, value, index) => text?.replace(`{${index}}`, () => value), TEXTS[chosen][table][key]);

export const word = (key, ...values) => lookup('words', key, ...values) ?? key;
// A text with a count: that of `key`, or of `<key>One` for one. The count is the last of the values.
export const counted = (key, count, ...values) =>
  word(count === 1 ? `${key}One` : key, ...values, number(count));
export const stateName = (state) => lookup('states', state) ?? state;
export const number = (value) => new Intl.NumberFormat(locale()).format(value);

// What a message says: its text, or the title that it has; after the name of its kind, unless that is text.
export function messageText(message) {
  const kind = kinds[message.kind] ?? kinds[message.type];
  if (!kind) return message.body || `[${message.type}]`;
  const title = kind.title && message[kind.title[0]]?.[kind.title[1]];
  const said = message.body || title?.replaceAll('\n', ', ');
  return said ? `${kind[chosen]}: ${said}` : kind[chosen];
}

// Why a session is in its state. The bridge's sentence may end with a text of WhatsApp or the system in brackets, which
// is kept as it is.
export function reasonText({ reason, text }) {
  const sentence = lookup('reasons', reason);
  return sentence ? [sentence, /\. (\(.*\))$/s.exec(text)?.[1]].filter(Boolean).join(' ') : text;
}

// An action or actor of the audit. Keys have names, which are kept.
export const auditText = (text) =>
  lookup('audit', text) ?? text.replace(/^key /, chosen === 'es' ? 'clave ' : 'key ');

export function translate(root) {
  document.documentElement.lang = chosen;
  for (const one of root.querySelectorAll('[data-word]')) one.textContent = word(one.dataset.word);
  for (const one of root.querySelectorAll('[data-label]')) one.setAttribute('aria-label', word(one.dataset.label));
}
