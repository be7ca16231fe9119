// What a message says: its text, or the name of its kind with the caption. The body of another kind is a thumbnail or a
// vCard.

import { kinds } from './kinds.js';

export const textOf = ({ type, body, fields }) => (kinds[type] ? fields?.caption ?? '' : body);

export const lineOf = (message) => [kinds[message.type]?.en, textOf(message)].filter(Boolean).join(' ') || message.type;
