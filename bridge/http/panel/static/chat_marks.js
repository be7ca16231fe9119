// The marks of a chat, as switches: pinned, archived, muted. And the picture of a person or a group, and the
// way to their messages.

import { hasScope } from './api.js';
import { readableAddress } from './addresses.js';
import { h } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { ask, respond } from './requests.js';
import { chip, toast } from './widgets.js';

const MARKS = [
  ['chats.pin', 'pinned', (chat) => chat.pinned],
  ['chats.archive', 'archived', (chat) => chat.archived],
  ['chats.mute', 'muted', (chat) => chat.muted_until !== null],
];

// The switches of a chat, filled once they are known; nothing where there is no chat.
export function chatMarks(session, chat) {
  const place = h('div.chips', { role: 'group', 'aria-label': word('marks') });

  async function set(action, on) {
    try {
      const { status } = await respond(session, action, { chat, on });
      if (status !== 'done') toast(word('inDoubt'), true);
    } catch (problem) {
      toast(problemText(problem), true);
    }
    await draw(action);
  }

  async function draw(focus) {
    const marks = await ask(session, 'chats.get', { chat }).catch(() => null);
    if (!marks) return;
    place.replaceChildren(...MARKS.map(([action, name, of]) => {
      const made = chip(word(name), of(marks), () => set(action, !of(marks)));
      made.disabled = !hasScope('send');
      return made;
    }));
    if (focus) place.children[MARKS.findIndex(([action]) => action === focus)]?.focus();
  }

  if (chat) draw();
  return place;
}

// The way to the messages of a chat, or to the form that begins it.
export const conversationLink = (chat, isNew = false) => h('a.button',
  { href: `#messages/${isNew ? readableAddress(chat) : chat}` }, word(isNew ? 'writeTo' : 'openConversation'));

// The picture of an address, once it is here; nothing where there is none.
export function pictureOf(session, contact, name) {
  const place = h('div.portrait');
  ask(session, 'contacts.picture', { contact }).then(({ url }) => {
    if (!url) return;
    const { pathname, search } = new URL(url, location.href);
    place.append(h('img', { src: pathname + search, alt: word('pictureOf', name), width: 160, height: 160 }));
  }).catch(() => null);
  return place;
}
