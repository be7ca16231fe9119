// What the contact of the open chat does besides messages, and what the owner does with the chat.

import { button, element } from './element.js';
import { language, word } from './language.js';
import { ask, world } from './world.js';

const bar = document.querySelector('#acts');
const PRESENCES = ['available', 'typing', 'recording_audio', 'unavailable'];

let drawn;

function callsOf(contact) {
  const ringing = world.state.calls.filter(({ caller }) => [contact.pn, contact.lid].includes(caller));
  if (!ringing.length) {
    return [
      button(word('call'), () => void ask('calls', { id: contact.pn ?? contact.lid })),
      button(word('videoCall'), () => void ask('calls', { id: contact.pn ?? contact.lid, video: true })),
    ];
  }
  return ringing.flatMap(({ id }) => [
    button(word('hangUp'), () => void ask('calls', { id, outcome: 'Missed' }, 'PUT')),
    button(word('rejectCall'), () => void ask('calls', { id, outcome: 'Rejected' }, 'PUT')),
    button(word('takeCall'), () => void ask('calls', { id, outcome: 'AcceptedElsewhere' }, 'PUT')),
  ]);
}

function marksOf({ id, archived, pinned_ms: pinned, muted_until: muted, marked_unread: unread }) {
  const mark = (marks) => void ask('chats', { id, ...marks }, 'PATCH');
  return [
    button(word(archived ? 'unarchive' : 'archive'), () => mark({ archived: !archived })),
    button(word(pinned ? 'unpin' : 'pin'), () => mark({ pinned: !pinned })),
    button(word(muted ? 'unmute' : 'mute'), () => mark({ muted_until: muted ? 0 : -1 })),
    unread ? undefined : button(word('markUnread'), () => mark({ unread: true })),
  ];
}

// The contact of a chat of two; a group has none.
export function drawActs(chat) {
  const contact = world.state.contacts.find(({ pn, lid }) => [pn, lid].includes(chat.id));
  const shown = JSON.stringify([language(), chat, contact, world.state.calls]);
  if (shown === drawn) return;
  drawn = shown;
  const theirs = contact === undefined ? [] : [
    ...callsOf(contact),
    ...PRESENCES.map((type) =>
      button(word(`presence_${type}`), () => void ask('presence', { id: chat.id, type }, 'PUT'))),
  ];
  const block = contact && button(word(contact.blocked ? 'unblock' : 'block'), () =>
    void ask('blocked', { id: chat.id, blocked: !contact.blocked }, 'PUT'));
  bar.replaceChildren(
    ...(theirs.length ? [element('p', { class: 'muted' }, word('ofContact', contact.name)), ...theirs] : []),
    ...[element('p', { class: 'muted' }, word('ofPhone')), ...marksOf(chat), block].filter(Boolean));
}
