// The list of chats: search, filters, selection.

import { get } from './api.js';
import { element, initialOf, moment, nameOf, toneOf } from './element.js';
import { textOf, words } from './words.js';

const SHOWN = ['all', 'waiting', 'paused', 'opted_out'];
const list = document.getElementById('chats');
const search = document.getElementById('search');
const filters = document.getElementById('filters');
let show = 'all';
let open = null;
let requests = 0;
let drawn = '';
let onOpen = () => {};

export function start(opened) {
  onOpen = opened;
  let typing;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(refresh, 200);
  });
  for (const name of SHOWN) {
    filters.append(element('button', { type: 'button', 'aria-pressed': String(name === show), onclick: () => choose(name) }, words[name]));
  }
}

function choose(name) {
  show = name;
  [...filters.children].forEach((button, index) => button.setAttribute('aria-pressed', String(SHOWN[index] === name)));
  return refresh();
}

export function mark(chatId) {
  open = chatId;
  for (const button of list.querySelectorAll('button')) {
    button.setAttribute('aria-current', String(Number(button.dataset.chat) === open));
  }
}

export async function refresh() {
  const number = ++requests;
  const query = new URLSearchParams({ search: search.value, show, limit: 100 });
  const { chats, waiting, now } = await get(`/api/chats?${query}`);
  if (number !== requests) return; // a later request has been made
  drawWaiting(waiting);
  const nothing = show !== 'all' || search.value.trim() ? words.none : words.nothing;
  const state = JSON.stringify([new Date().toDateString(), nothing, chats.map((chat) => [chat, chat.paused_until > now])]);
  if (state === drawn) return;
  drawn = state;
  const focused = document.activeElement?.dataset?.chat;
  list.replaceChildren(...(chats.length ? chats.map((chat) => row(chat, now)) : [element('li', { class: 'none' }, nothing)]));
  if (focused) list.querySelector(`[data-chat="${focused}"]`)?.focus();
}

function drawWaiting(count) {
  document.title = count ? `(${count}) ${words.conversations}` : words.conversations;
  filters.children[SHOWN.indexOf('waiting')].replaceChildren(words.waiting, ...(count ? [' ', element('span', { class: 'count' }, String(count))] : []));
}

function row(chat, now) {
  const name = nameOf(chat);
  const state = chat.opted_out ? words.opted_out : chat.waiting ? words.waiting : chat.paused_until > now ? words.paused : null;
  return element('li', {}, element(
    'button',
    { type: 'button', 'data-chat': chat.id, 'aria-current': String(chat.id === open), onclick: () => onOpen(chat.id) },
    element('span', { class: `avatar ${toneOf(chat.person)}`, 'aria-hidden': 'true' }, initialOf(name)),
    element('span', { class: 'name' }, name),
    element('time', {}, chat.last_at ? moment(chat.last_at) : ''),
    element('span', { class: 'last' }, `${chat.last_role === 'assistant' ? '↩ ' : ''}${textOf(chat.last_text)}`),
    state ? element('span', { class: 'mark' }, state) : null,
  ));
}
