// The names of contacts, as they set them themselves, from the messages that this page has seen.

import { hasScope, get, sessionPath } from './api.js';
import { isErased, readableAddress } from './addresses.js';
import { h } from './element.js';
import { ask } from './requests.js';

//: Newest messages and chats that `loadNames` reads.
const RECENT = 100, CHATS = 100;
const names = new Map();

// A person is known by a number, a LID or both, and may be spoken of by either.
export function rememberName({ author, from_pn: pn, from_lid: lid, notify_name: name }) {
  if (!name || isErased(author)) return;
  for (const address of [author, pn, lid]) if (address) names.set(address, name);
}

// The name that the account's chat list has for a chat.
export function rememberChat({ chat, name }) {
  if (name && !isErased(chat)) names.set(chat, name);
}

// Reads the names in a session's newest messages and in the account's chat list, which has those of who never wrote;
// returns whether any name is known.
export async function loadNames(status) {
  if (!status?.epoch || !hasScope('listen')) return false;
  const after = encodeURIComponent(`${status.epoch}:${Math.max(0, status.last_seq - RECENT)}`);
  const path = `${sessionPath(status.session)}/messages?limit=${RECENT}&after=${after}`;
  const chats = status.state === 'connected' ? ask(status.session, 'chats.list', { limit: CHATS }) : null;
  const [page, list] = await Promise.all([get(path), chats].map((one) => one?.catch(() => null)));
  page?.items.forEach(rememberName);
  list?.chats.forEach(rememberChat);
  return names.size > 0;
}

export const senderName = (item) => item.notify_name || contactName(item.from_pn ?? item.author ?? item.chat);

export const contactName = (address) => names.get(address) ?? readableAddress(address);

// Parts of an element: name and number, or the name alone where the address has no number. A failed send has no chat.
export function nameAndNumber(chat, to) {
  const name = names.get(chat) ?? names.get(to), address = readableAddress(to ?? chat);
  if (!name) return [address];
  return [h('bdi', null, name), address.includes('@') ? null : ` · ${address}`];
}
