// The open chat: bubbles with ticks, and the composer, which writes as a contact or as the phone's owner.

import { marks, menu, poll, stateOf } from './acts.js';
import { offerFiles } from './attach.js';
import { drawActs } from './contact.js';
import { clock, element, initial, tone } from './element.js';
import { drawGroup } from './group.js';
import { lineOf, textOf } from './kind_names.js';
import { ticksAreAutomatic } from './linked.js';
import { ask, messagesOf, nameOf, world } from './world.js';

const part = (id) => document.querySelector(`#${id}`);
const text = part('text');
const log = part('messages');

const ME = 'me';
const SHOWN = 300;
const TICKS = { 0: 'waiting', 1: 'sent', 2: 'delivered', 3: 'read', 4: 'played' };
const ONE = 'M2 6.5l3 3 6-7';
const TWO = 'M2 6.5l3 3 6-7M8.5 9.5l6-7';
const CLOCK = 'M8 3.2v3.2l2 1.4M13 6.4a5 5 0 1 1-10 0 5 5 0 0 1 10 0z';

let chat;
let drawn = '';
let head = '';

function ticks(message) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 17 12');
  const path = document.createElementNS(svg.namespaceURI, 'path');
  path.setAttribute('d', message.ack > 1 ? TWO : message.ack === 1 ? ONE : CLOCK);
  svg.append(path);
  const next = message.ack + 1;
  const done = ticksAreAutomatic() || next > 3;
  return element('button', {
    type: 'button', class: 'ticks', 'data-ack': message.ack, disabled: done,
    'aria-label': done ? TICKS[message.ack] : `${TICKS[message.ack]}; press for ${TICKS[next]}`,
    onclick: () => void ask('acks', { id: message.id, ack: next }),
  }, svg);
}

// The file of a message, as far as the service has it.
function fileOf({ id, type, fields: { directPath: path, mediaKey, mimetype, filename } }) {
  if (!path) return undefined;
  const directPath = mediaKey && path.startsWith('/mms/first/') ? `/api/files/${id}` : path; // decrypted
  if (mimetype.startsWith('image/')) return element('img', { class: 'file', src: directPath, alt: type });
  if (mimetype.startsWith('audio/')) return element('audio', { class: 'file', src: directPath, controls: true });
  if (mimetype.startsWith('video/')) return element('video', { class: 'file', src: directPath, controls: true });
  return element('a', { class: 'file', href: directPath, download: filename ?? type }, filename ?? type);
}

const SECRET = /key|hash|path|token/i;

function bubble(message, readTo) {
  const isSeen = !message.from_me && message.position < readTo; // its author has a read receipt
  const isShown = ([name, value]) =>
    ['string', 'number'].includes(typeof value) && !SECRET.test(name) && name !== 'caption';
  const fields = Object.entries(message.fields).filter(isShown);
  const details = [message.type, ...fields.map(([name, value]) => `${name} ${value}`)].join(' · ');
  const kind = message.type === 'chat' ? undefined : element('span', { class: 'kind' }, details);
  const fromDevice = message.from_me && message.origin === 'device';
  const showsAuthor = message.author && !message.from_me;
  return element('li', { class: `bubble ${message.from_me ? 'mine' : 'theirs'}`, 'data-id': message.id },
    showsAuthor ? element('span', { class: `author ${tone(message.author)}` }, nameOf(message.author)) : undefined,
    message.quoted ? element('span', { class: 'quote' }, lineOf(message.quoted)) : undefined,
    kind,
    fileOf(message),
    element('span', { class: 'body' }, message.type === 'revoked' ? 'This message was deleted.' : textOf(message)),
    poll(message),
    element('span', { class: 'meta' },
      fromDevice ? element('span', { class: 'via', title: 'Sent by a linked device' }, 'linked device') : undefined,
      clock(message.t),
      message.from_me ? ticks(message) : undefined,
      isSeen ? element('span', { class: 'muted' }, 'read') : undefined,
      ...marks(message),
      menu(message)));
}

function withDays(messages, readTo) {
  let day;
  return messages.flatMap((message) => {
    const today = new Date(message.t * 1000).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
    const separator = today === day ? [] : [element('li', { class: 'day' }, today)];
    day = today;
    return [...separator, bubble(message, readTo)];
  });
}

function writerChoice(value, label, checked) {
  const input = element('input', { type: 'radio', name: 'writer', value, checked });
  return element('label', {}, input, element('span', {}, label));
}

function drawWriters({ id, participants, group }) {
  const others = group ? participants : [id];
  const before = new FormData(part('composer')).get('writer');
  const chosen = [...others, ME].includes(before) ? before : others[0] ?? ME;
  const choices = others.map((address) => writerChoice(address, nameOf(address), address === chosen));
  part('writers').replaceChildren(element('legend', {}, 'Write as'), ...choices, writerChoice(ME, 'Me', chosen === ME));
}

export function drawConversation() {
  const known = world.state.chats.find(({ id }) => id === chat);
  if (!known) return;
  drawActs(known);
  if (headOf(known) !== head) drawHead(known);
  drawGroup(chat);
  const messages = messagesOf(chat).slice(-SHOWN);
  const acks = messages.map((message) => [message.id, message.ack, stateOf(message)]);
  const writer = new FormData(part('composer')).get('writer'); // whose menu is shown
  const shown = JSON.stringify([chat, writer, known.typing, known.read_to, ticksAreAutomatic(), acks]);
  if (shown === drawn) return;
  drawn = shown;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const typing = known.typing ? [element('li', { class: 'bubble mine typing' }, 'typing…')] : [];
  log.replaceChildren(...withDays(messages, known.read_to), ...typing);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

const headOf = ({ id, name, participants, group }) => JSON.stringify([id, name, participants, group?.member]);

// A group changes its name and its members.
function drawHead(known) {
  const { id, name, participants, group } = known;
  head = headOf(known);
  const everyone = [...participants.map(nameOf), ...(group?.member ? ['Me'] : [])];
  part('title').textContent = name;
  part('subtitle').textContent = group ? everyone.join(', ') : id;
  drawWriters({ id, participants, group });
}

export function openConversation(id) {
  chat = id;
  const known = world.state.chats.find((one) => one.id === id);
  const { name } = known;
  part('empty').hidden = true;
  part('open').hidden = false;
  part('phone').classList.add('chatting');
  part('avatar').className = `avatar ${tone(id)}`;
  part('avatar').textContent = initial(name);
  part('writers').replaceChildren(); // the first one writes in a chat that is opened
  drawHead(known);
  drawConversation();
  log.scrollTop = log.scrollHeight;
  text.focus({ preventScroll: true });
}

// Who writes: the chat, in a group with the author; nothing for the owner of this phone.
function contact() {
  const writer = new FormData(part('composer')).get('writer');
  const { group } = world.state.chats.find(({ id }) => id === chat);
  return writer === ME ? undefined : { chat, ...(group && { author: writer }) };
}

function attachment() {
  const from = contact();
  part('problem').hidden = Boolean(from);
  if (!from) part('problem').textContent = 'Only contacts send files here: choose one under "Write as".';
  return from && { ...from, caption: text.value.trim() };
}

async function send() {
  const body = text.value;
  if (!body.trim()) return;
  const from = contact();
  text.value = '';
  const sent = from ? await ask('incoming', { ...from, body }) : await ask('own', { chat, body });
  // Text that could not be sent is put back.
  if (!sent && !text.value) text.value = body;
}

part('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  void send();
});
text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void send();
});
offerFiles(attachment, () => { text.value = ''; });
part('writers').addEventListener('change', drawConversation);
part('back').addEventListener('click', () => part('phone').classList.remove('chatting'));
