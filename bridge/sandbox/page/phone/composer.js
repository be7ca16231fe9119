// What is written in the open chat, as a contact or as the owner of this phone: texts, files and other kinds, and what
// they answer.

import { offerFiles } from './attach.js';
import { element, part } from './element.js';
import { lineOf } from './kind_names.js';
import { word } from './language.js';
import { toEnd } from './message_log.js';
import { offerOtherKinds } from './other_kinds.js';
import { ask, nameOf, world } from './world.js';

const ME = 'me';
const text = part('text');

let chat;
let answered; // the message that the next one answers

export const writer = () => new FormData(part('composer')).get('writer');
export const author = () => (writer() === ME ? undefined : writer());

function writerChoice(value, label, checked) {
  const input = element('input', { type: 'radio', name: 'writer', value, checked });
  return element('label', {}, input, element('span', {}, label));
}

export function drawWriters({ id, participants, group }) {
  const others = group ? participants : [id];
  const before = writer();
  const chosen = [...others, ME].includes(before) ? before : others[0] ?? ME;
  const choices = others.map((address) => writerChoice(address, nameOf(address), address === chosen));
  const me = writerChoice(ME, word('me'), chosen === ME);
  part('writers').replaceChildren(element('legend', {}, word('writeAs')), ...choices, me);
  drawReply();
}

// The first one writes in a chat that is opened.
export function startComposer(id) {
  chat = id;
  part('writers').replaceChildren();
  replyTo(undefined);
}

function drawReply() {
  part('reply').hidden = !answered;
  if (!answered) return;
  const { from_me: own, author: member, chat: from } = answered;
  const name = own ? word('me') : nameOf(member ?? from);
  part('replied').replaceChildren(element('strong', {}, name), ' ', lineOf(answered));
}

// The next message answers this one, or (undefined) none. Returns whether that is a change.
export function replyTo(message) {
  const isChange = answered !== message;
  answered = message;
  drawReply();
  if (message) text.focus();
  return isChange;
}

// Where the next message goes.
function destination() {
  const { group } = world.state.chats.find(({ id }) => id === chat);
  return { chat, ...(group && author() && { author: author() }) };
}

const isOwn = () => writer() === ME;

// Takes the text and the reply before they are sent: what is written and chosen meanwhile stays. `putBack` undoes that.
function take(typed) {
  const from = chat, reply = answered;
  if (typed) text.value = '';
  replyTo(undefined);
  return {
    quoted: reply && { quoted: reply.id },
    putBack() {
      text.value ||= typed;
      if (answered || chat !== from) return;
      answered = reply;
      drawReply();
    },
  };
}

async function write(content, typed = '') {
  const to = destination(), { quoted, putBack } = take(typed);
  const sent = await ask(isOwn() ? 'own' : 'incoming', { ...to, ...quoted, ...content });
  if (sent) toEnd();
  else putBack();
}

async function send() {
  const body = text.value;
  if (body.trim()) await write({ body }, body);
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
part('no-reply').addEventListener('click', () => {
  replyTo(undefined);
  text.focus();
});
const chooseVideo = offerFiles(() => {
  const typed = text.value, to = { ...destination(), own: isOwn() }, { quoted, putBack } = take(typed);
  return { to, first: { caption: typed.trim(), ...quoted }, putBack };
}, toEnd);
offerOtherKinds(write, chooseVideo);
