// The open conversation: messages, a person's answer, pause and resume.

import { get, post } from './api.js';
import { ask, withdraw } from './ask.js';
import { clock, day, element, initialOf, moment, nameOf, toneOf } from './element.js';
import { headOf, textOf, words } from './words.js';

const PAGE = 50;
const PAUSE = 1800;
const byId = (id) => document.getElementById(id);
const messages = byId('messages');
const text = byId('text');
let shown = null; // the chat that is open
let lines = [];
let complete = false;
let fail = () => {};
let requests = 0;
let drawn = '';
let noticed = '';
let wanted = null; // the chat that is being opened
// Chat -> what is written and not sent; kept when the page is loaded again, as for another language.
const drafts = stored('drafts');
// Chat -> { written, request }: an answer that may have been sent. The same text, put back, is the same request.
const pending = stored('pending');

function stored(name) {
  return new Map(JSON.parse(sessionStorage.getItem(name) ?? '[]'));
}

export const current = () => shown?.id ?? null;

export function start({ closed, failed }) {
  fail = failed;
  byId('back').addEventListener('click', closed);
  byId('pause').addEventListener('click', () => act(() => post(`/api/chats/${shown.id}/pause`, { seconds: isPaused() ? 0 : PAUSE })));
  byId('composer').addEventListener('submit', (event) => { event.preventDefault(); send(); });
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  text.addEventListener('input', () => pending.delete(shown?.id));
  addEventListener('pagehide', () => {
    keepDraft();
    sessionStorage.setItem('drafts', JSON.stringify([...drafts]));
    sessionStorage.setItem('pending', JSON.stringify([...pending]));
  });
}

export async function open(chatId) {
  wanted = chatId;
  try {
    await load(chatId);
  } catch (error) {
    if (wanted === chatId) wanted = null;
    throw error;
  }
}

export function close() {
  requests += 1;
  withdraw();
  keepDraft();
  shown = wanted = null;
  byId('open').hidden = true;
  byId('empty').hidden = false;
}

function keepDraft() {
  if (!shown) return;
  if (text.value) drafts.set(shown.id, text.value);
  else drafts.delete(shown.id);
}

export function toEnd() {
  messages.scrollTop = messages.scrollHeight;
}

export function refresh() {
  const chatId = wanted ?? shown?.id;
  return chatId ? load(chatId) : undefined;
}

// Until the answer comes, the chat before is shown, with its text.
async function load(chatId) {
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
  const number = ++requests;
  const found = await get(`/api/chats/${chatId}?limit=${PAGE}`);
  if (number !== requests) return; // a later request has been made
  const isOther = shown?.id !== chatId;
  if (isOther) {
    keepDraft();
    lines = [];
    text.value = drafts.get(found.chat.id) ?? '';
  }
  wanted = null;
  shown = { ...found.chat, now: found.now };
  if (lines.length === 0) complete = found.messages.length < PAGE;
  const oldest = found.messages[0]?.id ?? 0;
  lines = [...lines.filter((line) => line.id < oldest), ...found.messages];
  draw();
  if (atEnd || isOther) toEnd();
}

async function loadEarlier() {
  const height = messages.scrollHeight;
  const first = lines[0];
  const found = await get(`/api/chats/${shown.id}?limit=${PAGE}&before=${first.id}`);
  if (!shown || lines[0]?.id !== first.id) return; // of another chat, or twice
  complete = found.messages.length < PAGE;
  lines = [...found.messages, ...lines];
  draw();
  messages.scrollTop += messages.scrollHeight - height;
}

const isPaused = () => shown.paused_until > Date.now() / 1000;

async function act(action) {
  try {
    await action();
    await refresh();
  } catch (error) {
    fail(error);
  }
}

// Not `randomUUID`: browsers offer it over HTTPS and on localhost only.
const newRequest = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

async function send() {
  const written = text.value;
  const button = byId('composer').querySelector('button');
  if (!written.trim() || !shown || button.disabled) return;
  const { id: chat } = shown;
  button.disabled = true;
  const before = pending.get(chat), request = before?.written === written ? before.request : newRequest();
  let isSent = false;
  pending.delete(chat);
  text.value = ''; // what is written meanwhile stays
  try {
    await post(`/api/chats/${chat}/replies`, { text: written, request }, words.noAnswerOnce);
    isSent = true;
    await refresh();
    toEnd();
  } catch (error) {
    if (!isSent) putBack(chat, { written, request });
    fail(error);
  } finally {
    button.disabled = false;
    if ([document.body, button].includes(document.activeElement)) text.focus();
  }
}

function putBack(chat, { written, request }) {
  const isOpen = shown?.id === chat;
  if (isOpen ? text.value : drafts.has(chat)) return; // something else is written there by now
  if (isOpen) text.value = written;
  else drafts.set(chat, written);
  pending.set(chat, { written, request });
}

function draw() {
  const name = nameOf(shown);
  byId('open').hidden = false;
  byId('empty').hidden = true;
  byId('avatar').textContent = initialOf(name);
  byId('avatar').className = `avatar ${toneOf(shown.person)}`;
  const about = [shown.name ? shown.person : null, shown.session, words.client(shown.cliente_id)].filter(Boolean).join(' · ');
  Object.assign(byId('title'), { textContent: name, title: name });
  Object.assign(byId('subtitle'), { textContent: about, title: about });
  byId('pause').textContent = isPaused() ? words.resume : words.pause;
  drawNotice();
  const state = JSON.stringify([shown.id, complete, lines]);
  if (state === drawn) return; // keeps a selection in the text
  drawn = state;
  const items = [];
  if (!complete && lines.length) {
    items.push(element('div', { class: 'earlier' }, element('button', { type: 'button', class: 'button', onclick: () => loadEarlier().catch(fail) }, words.earlier)));
  }
  let before = null;
  for (const line of lines) {
    if (day(line.at) !== before) items.push(element('div', { class: 'day' }, before = day(line.at)));
    items.push(message(line));
  }
  messages.replaceChildren(...items);
}

function drawNotice() {
  const notice = byId('notice'), paused = isPaused() ? words.pausedUntil(moment(shown.paused_until)) : '';
  const state = shown.opted_out ? words.optedOut : paused;
  notice.hidden = !state;
  if (state === noticed) return; // keeps the focus
  noticed = state;
  const answerAgain = () => element('button', { type: 'button', class: 'button', onclick: optIn }, words.optIn);
  notice.replaceChildren(state, ...(shown.opted_out ? [answerAgain()] : []));
}

async function optIn() {
  const { id } = shown;
  const isSure = await ask({ title: words.optInAsk, text: words.optInText, action: words.optIn });
  if (!isSure) return;
  await act(() => post(`/api/chats/${id}/opt-in`, {}));
  if (document.activeElement === document.body) text.focus(); // the button is gone
}

function message(line) {
  const note = line.role === 'user' ? words.verdicts[line.verdict] : words.states[line.state];
  return element(
    'div',
    { class: `message ${line.role} ${line.role === 'assistant' ? line.origin : ''}` },
    headOf(line) ? element('p', { class: 'head' }, headOf(line)) : null,
    element('p', {}, line.revoked ? words.revoked : textOf(line.text)),
    element(
      'footer', {},
      line.reactions.length ? element('span', {}, line.reactions.join(' ')) : null,
      line.edited ? element('span', {}, words.edited) : null,
      note ? element('span', { class: line.state === 'failed' || line.state === 'unknown' ? 'bad' : '' }, note) : null,
      line.role === 'assistant' ? element('span', {}, words[line.origin]) : null,
      element('time', { datetime: new Date(line.at * 1000).toISOString() }, clock(line.at)),
    ),
  );
}
