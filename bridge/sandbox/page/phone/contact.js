// What the contact of the open chat does besides messages, and what the owner does with the chat.

import { element } from './element.js';
import { ask, world } from './world.js';

const bar = document.querySelector('#acts');
const PRESENCES = {
  available: 'Go online', typing: 'Start typing', recording_audio: 'Start recording', unavailable: 'Go offline',
};

let drawn;

const button = (label, onclick) => element('button', { type: 'button', class: 'button', onclick }, label);

function callsOf(contact) {
  const ringing = world.state.calls.filter(({ caller }) => [contact.pn, contact.lid].includes(caller));
  if (!ringing.length) {
    return [
      button('Call', () => void ask('calls', { id: contact.pn ?? contact.lid })),
      button('Video call', () => void ask('calls', { id: contact.pn ?? contact.lid, video: true })),
    ];
  }
  return ringing.flatMap(({ id }) => [
    button('Hang up', () => void ask('calls', { id, outcome: 'Missed' }, 'PUT')),
    button('Reject on the phone', () => void ask('calls', { id, outcome: 'Rejected' }, 'PUT')),
    button('Take on the phone', () => void ask('calls', { id, outcome: 'AcceptedElsewhere' }, 'PUT')),
  ]);
}

function marksOf({ id, archived, pinned_ms: pinned, muted_until: muted, marked_unread: unread }) {
  const mark = (marks) => void ask('chats', { id, ...marks }, 'PATCH');
  return [
    button(archived ? 'Unarchive' : 'Archive', () => mark({ archived: !archived })),
    button(pinned ? 'Unpin' : 'Pin', () => mark({ pinned: !pinned })),
    button(muted ? 'Unmute' : 'Mute', () => mark({ muted_until: muted ? 0 : -1 })),
    unread ? undefined : button('Mark as unread', () => mark({ unread: true })),
  ];
}

// The contact of a chat of two; a group has none.
export function drawActs(chat) {
  const contact = world.state.contacts.find(({ pn, lid }) => [pn, lid].includes(chat.id));
  const shown = JSON.stringify([chat, contact, world.state.calls]);
  if (shown === drawn) return;
  drawn = shown;
  const theirs = contact === undefined ? [] : [
    ...callsOf(contact),
    ...Object.entries(PRESENCES).map(([type, label]) =>
      button(label, () => void ask('presence', { id: chat.id, type }, 'PUT'))),
  ];
  const block = contact && button(contact.blocked ? 'Unblock' : 'Block', () =>
    void ask('blocked', { id: chat.id, blocked: !contact.blocked }, 'PUT'));
  bar.replaceChildren(
    ...(theirs.length ? [element('p', { class: 'muted' }, `${contact.name}:`), ...theirs] : []),
    ...[element('p', { class: 'muted' }, 'This phone:'), ...marksOf(chat), block].filter(Boolean));
}
