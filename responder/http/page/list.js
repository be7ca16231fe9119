// The list of chats: search, filters, pages, selection.

import { get } from './api.js';
import { element, initialOf, moment, nameOf, toneOf } from './element.js';
import { textOf, words } from './words.js';

const SHOWN = ['all', 'waiting', 'paused', 'opted_out'];
const PAGE = 100;
const list = document.getElementById('chats');
const search = document.getElementById('search');
const filters = document.getElementById('filters');
const more = document.getElementById('more');
let show = 'all';
let open = null;
let requests = 0;
let listed = [];
let pages = 1;
let next = null; // where the page after those begins
let drawn = '';
let onOpen = () => {};
let fail = () => {};

export function start({ opened, failed }) {
  onOpen = opened;
  fail = failed;
  let typing;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(begin, 200);
  });
  more.addEventListener('click', () => lengthen().catch(fail));
  for (const name of SHOWN) {
    filters.append(element('button', { type: 'button', 'aria-pressed': String(name === show), onclick: () => choose(name) }, words[name]));
  }
}

function choose(name) {
  show = name;
  [...filters.children].forEach((button, index) => button.setAttribute('aria-pressed', String(SHOWN[index] === name)));
  begin();
}

// Other chats are listed, from the first.
function begin() {
  pages = 1;
  refresh().catch(fail);
}

async function lengthen() {
  const { length } = listed;
  pages += 1;
  await refresh();
  list.querySelectorAll('button')[length]?.focus();
}

export const focus = (chatId) => list.querySelector(`[data-chat="${chatId}"]`)?.focus();

export function mark(chatId) {
  open = chatId;
  for (const button of list.querySelectorAll('button')) {
    button.setAttribute('aria-current', String(Number(button.dataset.chat) === open));
  }
}

const pageAfter = (after) =>
  get(`/api/chats?${new URLSearchParams({ search: search.value, show, limit: PAGE, after })}`);

// The chats of `some` that `others` has not.
const without = (some, others) => {
  const ids = new Set(others.map(({ id }) => id));
  return some.filter(({ id }) => !ids.has(id));
};

// `changed`: ids of chats (null: any). The pages after the first are read again where a chat of theirs changed.
export async function refresh(changed = [null]) {
  const number = ++requests;
  const { chats: first, waiting, now, next: second } = await pageAfter('');
  if (number !== requests) return; // a later request has been made
  const later = pages > 1 ? without(listed, first) : [];
  const again = changed.includes(null) || later.some(({ id }) => changed.includes(id));
  let chats = again ? first : [...first, ...later], end = again || pages === 1 ? second : next;
  for (let read = 1; again && end && read < pages; read += 1) {
    const page = await pageAfter(end);
    if (number !== requests) return;
    chats = [...chats, ...without(page.chats, chats)];
    end = page.next;
  }
  [listed, next] = [chats, end];
  more.hidden = !next;
  drawWaiting(waiting);
  const nothing = show !== 'all' || search.value.trim() ? words.none : words.nothing;
  const state = JSON.stringify([new Date().toDateString(), nothing, chats.map((chat) => [chat, chat.paused_until > now])]);
  if (state === drawn) return;
  drawn = state;
  const focused = document.activeElement?.dataset?.chat;
  list.replaceChildren(...(chats.length ? chats.map((chat) => row(chat, now)) : [element('li', { class: 'none' }, nothing)]));
  if (focused) focus(focused);
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
    element('span', { class: 'name', dir: 'auto', title: name }, name),
    element('time', {}, chat.last_at ? moment(chat.last_at) : ''),
    element('span', { class: 'last' }, `${chat.last_role === 'assistant' ? '↩ ' : ''}${textOf(chat.last_text)}`),
    state ? element('span', { class: 'mark' }, state) : null,
  ));
}
