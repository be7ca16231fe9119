// The list of chats, newest first.

import { clock, element, initial, tone } from './element.js';
import { messagesOf, world } from './world.js';

const list = document.querySelector('#chats');

let drawn;

const newest = (chat) => messagesOf(chat.id).at(-1);

function row(chat, open, choose) {
  const last = newest(chat);
  const unread = chat.id !== open && chat.unread > 0;
  const preview = last ? `${last.from_me ? 'Me: ' : ''}${last.body || last.type}` : 'No messages yet';
  return element('li', {},
    element('button', { type: 'button', 'data-chat': chat.id, 'aria-current': String(chat.id === open), onclick: () => choose(chat.id) },
      element('span', { class: `avatar ${tone(chat.id)}`, 'aria-hidden': 'true' }, initial(chat.name)),
      element('span', { class: 'about' },
        element('span', { class: 'row' },
          element('span', { class: 'name' }, chat.name),
          element('span', { class: 'muted' }, last ? clock(last.t) : '')),
        element('span', { class: 'row' },
          element('span', { class: 'last' }, preview),
          unread ? element('span', { class: 'badge', 'aria-label': `${chat.unread} unread` }, String(chat.unread)) : undefined))));
}

export function drawChats(open, choose) {
  const chats = [...world.state.chats].sort((a, b) => (newest(b)?.position ?? -1) - (newest(a)?.position ?? -1));
  // Rows are made anew only when they look different: a press must end on the row where it began.
  const look = JSON.stringify([open, chats.map(({ id, name, unread }) => [id, name, unread, newest({ id })?.id])]);
  if (look === drawn) return;
  drawn = look;
  const focused = document.activeElement?.dataset?.chat;
  list.replaceChildren(...chats.map((chat) => row(chat, open, choose)));
  if (focused) list.querySelector(`[data-chat="${CSS.escape(focused)}"]`)?.focus();
}
