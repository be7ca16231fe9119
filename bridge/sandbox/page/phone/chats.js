// The list of chats, newest first.

import { clock, element, initial, tone } from './element.js';
import { lineOf } from './kind_names.js';
import { messagesOf, world } from './world.js';

const list = document.querySelector('#chats');

let drawn;

const badge = (unread) => element('span', { class: 'badge', 'aria-label': `${unread} unread` }, String(unread));

const newest = (chat) => messagesOf(chat.id).at(-1);

function row(chat, open, choose) {
  const last = newest(chat);
  const unread = chat.id !== open && chat.unread > 0;
  const marks = Object.entries({ archived: chat.archived, pinned: chat.pinned_ms, muted: chat.muted_until })
    .flatMap(([name, value]) => (value ? [name] : [])).join(', ');
  const preview = last ? `${last.from_me ? 'Me: ' : ''}${lineOf(last)}` : 'No messages yet';
  const attributes = { type: 'button', 'data-chat': chat.id, 'aria-current': String(chat.id === open) };
  return element('li', {},
    element('button', { ...attributes, onclick: () => choose(chat.id) },
      element('span', { class: `avatar ${tone(chat.id)}`, 'aria-hidden': 'true' }, initial(chat.name)),
      element('span', { class: 'about' },
        element('span', { class: 'row' },
          element('span', { class: 'name' }, chat.name),
          marks ? element('span', { class: 'muted' }, marks) : undefined,
          element('span', { class: 'muted' }, last ? clock(last.t) : '')),
        element('span', { class: 'row' },
          element('span', { class: 'last' }, preview),
          unread ? badge(chat.unread) : undefined))));
}

export function drawChats(open, choose) {
  const chats = [...world.state.chats].sort((a, b) => (newest(b)?.position ?? -1) - (newest(a)?.position ?? -1));
  // Rows are replaced only when they change: a press must end on the row where it began.
  const shown = JSON.stringify([open, chats.map(({ id, name, unread, ...chat }) =>
    [id, name, unread, newest({ id })?.id, chat.archived, chat.pinned_ms, chat.muted_until])]);
  if (shown === drawn) return;
  drawn = shown;
  const focused = document.activeElement?.dataset?.chat;
  list.replaceChildren(...chats.map((chat) => row(chat, open, choose)));
  if (focused) list.querySelector(`[data-chat="${CSS.escape(focused)}"]`)?.focus();
}
