// The page's copy of the sandbox's state: the newest messages are read once, then updated by the live feed; older ones
// are read when they are looked at.

import { part } from './element.js';
import { word } from './language.js';

const RETRY_MS = 1000;
const PAGE = 100; // messages of a chat that are read at once
const ALL = 1_000_000;

export const world = { state: undefined, messages: new Map() };

const newest = new Map(); // chat -> its newest message
const whole = new Set(); // chats without earlier messages than those that the page has
const watchers = [];
let early; // frames of the feed that come while everything is read

export const watch = (watcher) => watchers.push(watcher);

// Returns the answer, undefined where it failed; an error is shown at the bottom of the page.
export async function request(path, options) {
  try {
    const response = await fetch(`/api/${path}`, options);
    const answer = await response.json();
    part('problem').hidden = response.ok;
    if (response.ok) return answer ?? true;
    part('problem').textContent = answer.error ?? word('refused');
  } catch {
    part('problem').textContent = word('unreachable');
    part('problem').hidden = false;
  }
  return undefined;
}

// Returns whether the request succeeded.
export async function ask(path, body = null, method = 'POST') {
  const headers = { 'Content-Type': 'application/json' };
  return await request(path, { method, headers, body: body && JSON.stringify(body) }) !== undefined;
}

export const messagesOf = (chat) => [...(world.messages.get(chat)?.values() ?? [])];
export const newestOf = (chat) => newest.get(chat);

let reading = Promise.resolve(); // one after the other: each goes on where the last one ended

// Reads messages before those that the page has of a chat: a page of them, or all from position `start` on.
export function readEarlier(chat, start) {
  const read = reading.then(() => readBefore(chat, start));
  reading = read.catch(() => undefined); // the next one is read all the same
  return read;
}

async function readBefore(chat, start) {
  const first = messagesOf(chat)[0]?.position;
  if (first === undefined || start >= first || whole.has(chat)) return;
  const range = start === undefined ? { count: PAGE } : { start, count: ALL };
  const earlier = await request(`messages?${new URLSearchParams({ chat, before: first, ...range })}`);
  const known = messagesOf(chat);
  if (!earlier || known[0]?.position !== first) return; // it failed, or everything was read again meanwhile
  if (start === 0 || earlier.length < PAGE) whole.add(chat);
  if (!earlier.length) return;
  world.messages.set(chat, new Map([...earlier, ...known].map((message) => [message.position, message])));
  notify();
}

export const isMe = (address) => [world.state.account, world.state.account_lid].includes(address);

let names = new Map(), named; // address -> name of a contact, and the contacts of which that is made

export function nameOf(address) {
  if (isMe(address)) return word('me');
  if (named !== world.state.contacts) {
    named = world.state.contacts;
    names = new Map(named.flatMap(({ pn, lid, name }) => [[pn, name], [lid, name]]));
  }
  return names.get(address) ?? address.split('@')[0];
}

function takeMessage(message) {
  const { chat, position } = message;
  if (!world.messages.has(chat)) world.messages.set(chat, new Map());
  const known = world.messages.get(chat), [first] = known.keys();
  if (first > position) return; // an older one that changed: it is read when it is looked at
  known.set(position, message);
  if (!(newest.get(chat)?.position > position)) newest.set(chat, message);
}

export function notify() {
  if (world.state) for (const watcher of watchers) watcher();
}

// Returns whether that succeeded.
async function readAll() {
  const frames = [];
  early = frames;
  const state = await request(`state?messages=${PAGE}`);
  if (early !== frames) return true; // the feed was opened again meanwhile, and everything is read again
  early = undefined;
  if (!state) return false;
  world.messages.clear();
  newest.clear();
  whole.clear();
  world.state = state;
  for (const chat of state.chats) chat.messages.forEach(takeMessage);
  frames.forEach(takeFrame);
  notify();
  return true;
}

function takeFrame(frame) {
  if (early) early.push(frame);
  else {
    frame.messages.forEach(takeMessage);
    world.state = frame.state;
  }
}

export function follow() {
  const url = new URL('/phone/live', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  // Read after the feed is open: changes in between are then seen twice, not missed.
  socket.addEventListener('open', async () => {
    if (!await readAll()) socket.close(); // it is opened again below
  });
  socket.addEventListener('message', ({ data }) => {
    takeFrame(JSON.parse(data));
    if (!early) notify();
  });
  socket.addEventListener('close', () => setTimeout(follow, RETRY_MS));
}
