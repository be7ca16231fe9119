// The open chat: its head and its messages. The composer below them is in composer.js.

import { stateOf } from './acts.js';
import { bubble } from './bubble.js';
import { drawWriters, replyTo, startComposer, writer } from './composer.js';
import { drawActs } from './contact.js';
import { element, initial, part, tone } from './element.js';
import { drawGroup } from './group.js';
import { language, word } from './language.js';
import { ticksAreAutomatic } from './linked.js';
import { jump, restart, startLog, takeMessages } from './message_log.js';
import { messagesOf, nameOf, readEarlier, world } from './world.js';

let chat;
let head = '';

const known = () => world.state.chats.find(({ id }) => id === chat);

async function jumpToId(id) {
  const place = () => messagesOf(chat).find((message) => message.id === id)?.position;
  if (place() === undefined) await readEarlier(chat, 0);
  jump(place());
}

const CALLS = { onReply: replyTo, onJump: (id) => void jumpToId(id) };

let isPaging = false; // one page at a time, however much is scrolled

async function earlier(all) {
  if (isPaging && !all) return;
  isPaging = true;
  try {
    await readEarlier(chat, all ? 0 : undefined);
  } finally {
    isPaging = false;
  }
}

export function drawConversation() {
  if (!known()) return;
  drawActs(known());
  drawHead(known());
  drawGroup(chat);
  const below = known().typing ? [element('div', { class: 'bubble mine typing' }, word('typing'))] : [];
  takeMessages(messagesOf(chat), below);
}

// A group changes its name and its members.
function drawHead({ id, name, participants, group }) {
  const everyone = [...participants.map(nameOf), ...(group?.member ? [word('me')] : [])];
  const shown = JSON.stringify([language(), id, name, participants, everyone]);
  if (shown === head) return;
  head = shown;
  const about = group ? everyone.join(', ') : id;
  Object.assign(part('title'), { textContent: name, title: name });
  Object.assign(part('subtitle'), { textContent: about, title: about });
  drawWriters({ id, participants, group });
}

// Shows a chat from its end, or at a message.
export async function openConversation(id, position) {
  chat = id;
  const { name } = known();
  part('empty').hidden = true;
  part('open').hidden = false;
  part('phone').classList.add('chatting');
  part('avatar').className = `avatar ${tone(id)}`;
  part('avatar').textContent = initial(name);
  startComposer(id);
  restart();
  head = '';
  drawConversation();
  if (position === undefined) part('text').focus({ preventScroll: true });
  else {
    await readEarlier(id, Math.max(0, position - 1));
    jump(position);
    part('messages').focus({ preventScroll: true });
  }
}

// Back to the chats, where there is no place for both; the focus goes there in any case.
export function closeConversation() {
  part('phone').classList.remove('chatting');
  document.querySelector('#chats [aria-current="true"]')?.focus();
}

// How the messages are drawn now: what is the same for all of them is looked up once.
function drawing() {
  const { read_to: readTo } = known() ?? {}, shared = [language(), writer(), ticksAreAutomatic()];
  // A message with a read receipt for its author.
  const isSeen = ({ from_me: own, position }) => !own && position < readTo;
  return {
    look: (message) =>
      JSON.stringify([shared, message.author && nameOf(message.author), isSeen(message), message.id, message.ack,
        stateOf(message)]),
    make: (message) => bubble(message, isSeen(message), CALLS),
  };
}

startLog(drawing, earlier);
part('writers').addEventListener('change', drawConversation);
part('back').addEventListener('click', closeConversation);
