// A group's members: who is an admin, and what the owner of this phone or a member does. New groups of the contacts.

import { element } from './element.js';
import { ask, nameOf, world } from './world.js';

const part = (id) => document.querySelector(`#${id}`);
const button = (label, onclick) => element('button', { type: 'button', class: 'button', onclick }, label);

const isMe = (address) => [world.state.account, world.state.account_lid].includes(address);
const isChosen = (address) => (isMe(address) ? 'me' : address) === new FormData(part('composer')).get('writer');

// The person under "Write as" does it.
function doer() {
  const writer = new FormData(part('composer')).get('writer');
  return writer === 'me' ? world.state.account_lid : writer;
}

let drawn = '';

export function drawGroup(id) {
  const chat = world.state.chats.find((known) => known.id === id);
  part('group').hidden = !chat?.group;
  if (!chat?.group) return;
  const { participants, group } = chat;
  const shown = JSON.stringify([id, participants, group, world.state.contacts, doer()]);
  if (shown === drawn) return;
  drawn = shown;
  const act = (action, address) => {
    void ask('groups/act', { group: id, action, people: address ? [address] : [], by: doer() });
  };
  const all = group.member ? [...participants, world.state.account_lid] : participants;
  const rows = all.map((address) => element('div', { class: 'line' },
    element('span', {}, nameOf(address), group.admins.includes(address) ? ' · admin' : ''),
    group.admins.includes(address)
      ? button('No admin', () => act('demote', address))
      : button('Make admin', () => act('promote', address)),
    isChosen(address) ? button('Leave', () => act('leave', address)) : button('Remove', () => act('remove', address))));
  const known = (contact) => all.includes(contact.pn) || all.includes(contact.lid);
  const others = world.state.contacts.filter((contact) => contact.exists && !known(contact));
  const adds = others.map(({ pn, lid, name }) => button(`Add ${name}`, () => act('add', pn ?? lid)));
  const back = group.member ? [] : [button('Add me', () => act('add', world.state.account_lid))];
  part('members').replaceChildren(...rows, element('div', { class: 'line' }, ...adds, ...back));
}

part('new-group').addEventListener('click', () => {
  const subject = prompt('Name of the new group')?.trim();
  if (subject) void ask('groups/act', { action: 'create', subject, by: world.state.account_lid });
});
