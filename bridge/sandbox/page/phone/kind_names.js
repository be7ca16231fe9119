// What a message says: its text, or the name of its kind with the caption. The body of another kind is a thumbnail or a
// vCard.

import { kinds, variants } from './kinds.js';
import { nameOf } from './world.js';

function kindOf({ type, fields }) {
  const isOne = ([of, field, value]) => of === type && fields?.[field] === value;
  return kinds[Object.keys(variants).find((name) => isOne(variants[name])) ?? type];
}

// The row of a change of a group.
const changeOf = ({ fields: { subtype, recipients = [] }, body, author }) =>
  `${nameOf(author)}: ${[subtype, body, recipients.map(nameOf).join(', ')].filter(Boolean).join(' ')}`;

export const textOf = (message) => (message.type === 'gp2' ? changeOf(message) : textOfKind(message));

const textOfKind = (message) => (kindOf(message) ? message.fields?.caption ?? '' : message.body);

export const lineOf = (message) => [kindOf(message)?.en, textOf(message)].filter(Boolean).join(' ') || message.type;
