// A group's members: who is an admin, and what the owner of this phone or a member does. New groups of the contacts.

import { author } from './composer.js';
import { button, element, part } from './element.js';
import { language, word } from './language.js';
import { ask, isMe, nameOf, world } from './world.js';

// The person under "Write as" does it.
const doer = () => author() ?? world.state.account_lid;
const isChosen = (address) => (author() ? address === author() : isMe(address));

let drawn = '';

export function drawGroup(id) {
  const chat = world.state.chats.find((known) => known.id === id);
  part('group').hidden = !chat?.group;
  if (!chat?.group) return;
  const { participants, group } = chat;
  const shown = JSON.stringify([language(), id, participants, group, world.state.contacts, doer()]);
  if (shown === drawn) return;
  drawn = shown;
  const act = (action, address) => {
    void ask('groups/act', { group: id, action, people: address ? [address] : [], by: doer() });
  };
  const all = group.member ? [...participants, world.state.account_lid] : participants;
  const rows = all.map((address) => element('div', { class: 'line' },
    element('span', {}, group.admins.includes(address) ? word('isAdmin', nameOf(address)) : nameOf(address)),
    group.admins.includes(address)
      ? button(word('noAdmin'), () => act('demote', address))
      : button(word('makeAdmin'), () => act('promote', address)),
    isChosen(address)
      ? button(word('leave'), () => act('leave', address))
      : button(word('remove'), () => act('remove', address))));
  const known = (contact) => all.includes(contact.pn) || all.includes(contact.lid);
  const others = world.state.contacts.filter((contact) => contact.exists && !known(contact));
  const adds = others.map(({ pn, lid, name }) => button(word('addPerson', name), () => act('add', pn ?? lid)));
  const back = group.member ? [] : [button(word('addMe'), () => act('add', world.state.account_lid))];
  part('members').replaceChildren(...rows, element('div', { class: 'line' }, ...adds, ...back));
}

part('new-group').addEventListener('click', () => {
  const subject = prompt(word('nameOfGroup'))?.trim();
  if (subject) void ask('groups/act', { action: 'create', subject, by: world.state.account_lid });
});
