// The list of chats, newest first; while something is searched, the chats and messages that are found.

import { element, initial, part, tone } from './element.js';
import { lineOf } from './kind_names.js';
import { language, moment, word } from './language.js';
import { hitsOfSearch, isFound, searched } from './search.js';
import { newestOf, world } from './world.js';

const list = part('chats');

let drawn;

const badge = (unread) => element('span', { class: 'badge', 'aria-label': word('unread', unread) }, String(unread));

const said = (message) => `${message.from_me ? `${word('me')}: ` : ''}${lineOf(message)}`;

function rowOf(chat, attributes, last, note, end) {
  return element('li', {}, element('button', { type: 'button', ...attributes },
    element('span', { class: `avatar ${tone(chat.id)}`, 'aria-hidden': 'true' }, initial(chat.name)),
    element('span', { class: 'about' },
      element('span', { class: 'row' },
        element('span', { class: 'name', dir: 'auto', title: chat.name }, chat.name),
        note ? element('span', { class: 'muted' }, note) : undefined,
        element('span', { class: 'muted' }, last ? moment(last.t) : '')),
      element('span', { class: 'row' },
        element('span', { class: 'last' }, last ? said(last) : word('noMessages')),
        end))));
}

function chatRow(chat, open, choose) {
  const unread = chat.id !== open && chat.unread > 0;
  const marks = Object.entries({ archived: chat.archived, pinned: chat.pinned_ms, muted: chat.muted_until })
    .flatMap(([name, value]) => (value ? [word(name)] : [])).join(', ');
  const current = String(chat.id === open);
  const attributes = { 'data-chat': chat.id, 'aria-current': current, onclick: () => choose(chat.id) };
  return rowOf(chat, attributes, newestOf(chat.id), marks, unread ? badge(chat.unread) : undefined);
}

const hitRow = (message, chat, choose) =>
  rowOf(chat, { 'data-hit': message.id, onclick: () => choose(chat.id, message.position) }, message);

function foundMessages(choose) {
  const chats = new Map(world.state.chats.map((chat) => [chat.id, chat]));
  const hits = hitsOfSearch().filter(({ chat }) => chats.has(chat));
  const heading = hits.length ? [element('li', { class: 'heading' }, word('messages'))] : [];
  return [...heading, ...hits.map((message) => hitRow(message, chats.get(message.chat), choose))];
}

export function drawChats(open, choose) {
  const position = ({ id }) => newestOf(id)?.position ?? -1;
  const chats = world.state.chats.filter(isFound).sort((a, b) => position(b) - position(a));
  const hits = searched() ? foundMessages(choose) : [];
  // Rows are replaced only when they change: a press must end on the row where it began.
  const shown = JSON.stringify([language(), open, chats.map(({ id, name, unread, ...chat }) => {
    const { id: last, ack, type, body, fields } = newestOf(id) ?? {};
    return [id, name, unread, last, ack, type, body, fields?.caption, chat.archived, chat.pinned_ms, chat.muted_until];
  }), hitsOfSearch().map(({ id }) => id), searched()]);
  if (shown === drawn) return;
  drawn = shown;
  const focused = document.activeElement?.dataset?.chat;
  const rows = [...chats.map((chat) => chatRow(chat, open, choose)), ...hits];
  list.replaceChildren(...(rows.length ? rows : [element('li', { class: 'heading' }, word('nothingFound'))]));
  if (focused) list.querySelector(`[data-chat="${CSS.escape(focused)}"]`)?.focus();
}

// The arrow keys go from row to row.
list.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const rows = [...list.querySelectorAll('button')];
  rows[rows.indexOf(document.activeElement) + step]?.focus();
});
