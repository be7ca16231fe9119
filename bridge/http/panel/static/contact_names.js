// Who is behind a chat's address, by the names that people gave themselves in what arrived.

import { get, may, of } from './api.js';
import { isErased, person } from './phones.js';

//: Newest messages whose names are looked at, where the page has seen none arrive.
const LOOKED_AT = 100;
const names = new Map();

export function note({ chat, author, notify_name: name }) {
  if (name && author === chat && !isErased(chat)) names.set(chat, name);
}

// Reads the names of a session's last messages; says whether it found any.
export async function learn(status) {
  if (!status?.epoch || !may('listen')) return false;
  const after = `${status.epoch}:${Math.max(0, status.last_seq - LOOKED_AT)}`;
  const told = await get(`${of(status.session)}/messages?limit=${LOOKED_AT}&after=${encodeURIComponent(after)}`).catch(() => null);
  told?.items.forEach(note);
  return names.size > 0;
}

// Who wrote a message.
export const chatName = (item) => item.notify_name || person(item.from_pn ?? item.chat);

// The name, or the address as people write it.
export const called = (address) => names.get(address) ?? person(address);

// Both, where the address is one that a person can read.
export function spelledOut(chat, to) {
  const name = names.get(chat), address = person(to ?? chat);
  if (!name) return address;
  return address.includes('@') ? name : `${name} · ${address}`;
}
