// What a message says: its text, or the name of its kind with the caption. The body of another kind is a thumbnail or a
// vCard.

import { kinds, variants } from './kinds.js';

function kindOf({ type, fields }) {
  const isOne = ([of, field, value]) => of === type && fields?.[field] === value;
  return kinds[Object.keys(variants).find((name) => isOne(variants[name])) ?? type];
}

export const textOf = (message) => (kindOf(message) ? message.fields?.caption ?? '' : message.body);

export const lineOf = (message) => [kindOf(message)?.en, textOf(message)].filter(Boolean).join(' ') || message.type;
