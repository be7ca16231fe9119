// The names of contacts, as they set them themselves, from the messages that this page has seen.

import { hasScope, get, sessionPath } from './api.js';
import { isErased, readableAddress } from './addresses.js';
import { h } from './element.js';

//: Newest messages that `loadNames` reads.
const RECENT = 100;
const names = new Map();

export function rememberName({ chat, author, from_pn: pn, notify_name: name }) {
  if (!name || author !== chat || isErased(chat)) return;
  names.set(chat, name);
  if (pn) names.set(pn, name);
}

// The name that the account's chat list has for a chat.
export function rememberChat({ chat, name }) {
  if (name && !isErased(chat)) names.set(chat, name);
}

// Reads the names in a session's newest messages; returns whether any name is known.
export async function loadNames(status) {
  if (!status?.epoch || !hasScope('listen')) return false;
  const after = encodeURIComponent(`${status.epoch}:${Math.max(0, status.last_seq - RECENT)}`);
  const path = `${sessionPath(status.session)}/messages?limit=${RECENT}&after=${after}`;
  const page = await get(path).catch(() => null);
  page?.items.forEach(rememberName);
  return names.size > 0;
}

export const senderName = (item) => item.notify_name || readableAddress(item.from_pn ?? item.chat);

export const contactName = (address) => names.get(address) ?? readableAddress(address);

// Parts of an element: name and number, or the name alone where the address has no number. A failed send has no chat.
export function nameAndNumber(chat, to) {
  const name = names.get(chat) ?? names.get(to), address = readableAddress(to ?? chat);
  if (!name) return [address];
  return [h('bdi', null, name), address.includes('@') ? null : ` · ${address}`];
}
