// What a message says: its text, or the name of its kind with what people wrote in it. The body of another kind is a
// thumbnail or a vCard.

import { kinds, variants } from './kinds.js';
import { language, lookup, word } from './language.js';
import { nameOf } from './world.js';

// What people call its kind; undefined for a text, and for types without a name.
export function kindOf({ type, fields }) {
  const isOne = ([of, field, value]) => of === type && fields?.[field] === value;
  return kinds[Object.keys(variants).find((name) => isOne(variants[name])) ?? type]?.[language()];
}

// The row of a change of a group.
function changeOf({ fields: { subtype, recipients = [] }, body, author }) {
  const what = lookup(`change_${subtype}`) ?? subtype;
  return `${nameOf(author)}: ${[what, body, recipients.map(nameOf).join(', ')].filter(Boolean).join(' ')}`;
}

const lines = (...parts) => parts.filter(Boolean).join('\n');

function saidIn(fields = {}) {
  const cards = fields.vcardList?.map(({ displayName }) => displayName).join(', ');
  return fields.caption ?? fields.pollName ?? fields.comment ?? fields.loc ?? fields.vcardFormattedName ?? cards
    ?? lines(fields.eventName, fields.eventDescription);
}

export function textOf(message) {
  if (message.type === 'gp2') return changeOf(message);
  if (message.type === 'revoked') return word('deleted');
  return kindOf(message) ? saidIn(message.fields) : message.body;
}

export function lineOf(message) {
  const said = textOf(message) || (kindOf(message) && message.fields?.filename);
  return [kindOf(message), said].filter(Boolean).join(' ') || message.type;
}
