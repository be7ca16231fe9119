// The page's copy of the sandbox's state: read once, then updated by the live feed.

const RETRY_MS = 1000;

export const world = { state: undefined, messages: new Map() };

const watchers = [];
export const watch = (watcher) => watchers.push(watcher);

// Returns whether the request succeeded; an error is shown at the bottom of the page.
export async function ask(path, body, method = 'POST') {
  const problem = document.querySelector('#problem');
  try {
    const response = await fetch(`/api/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    problem.hidden = response.ok;
    if (!response.ok) problem.textContent = answer.error ?? 'The sandbox refused that.';
    return response.ok;
  } catch {
    problem.textContent = 'The sandbox does not respond.';
    problem.hidden = false;
    return false;
  }
}

export const messagesOf = (chat) => [...(world.messages.get(chat)?.values() ?? [])];

export function nameOf(address) {
  if (address === world.state.account || address === world.state.account_lid) return 'Me';
  const contact = world.state.contacts.find(({ pn, lid }) => address === pn || address === lid);
  return contact?.name ?? address.split('@')[0];
}

function takeMessage(message) {
  const known = world.messages.get(message.chat) ?? new Map();
  world.messages.set(message.chat, known.set(message.position, message));
}

function notify() {
  for (const watcher of watchers) watcher();
}

async function readAll() {
  const state = await (await fetch('/api/state?messages=300')).json();
  world.messages.clear();
  for (const chat of state.chats) chat.messages.forEach(takeMessage);
  world.state = state;
  notify();
}

export function follow() {
  const url = new URL('/phone/live', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  // Read after the feed is open: changes in between are then seen twice, not missed.
  socket.addEventListener('open', () => void readAll());
  socket.addEventListener('message', ({ data }) => {
    const { state, messages } = JSON.parse(data);
    messages.forEach(takeMessage);
    world.state = state;
    notify();
  });
  socket.addEventListener('close', () => setTimeout(follow, RETRY_MS));
}
