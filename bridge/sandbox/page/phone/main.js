// The phone: draws the parts of the page, again after every change of the sandbox's world.

import { drawChats } from './chats.js';
import { drawConversation, openConversation } from './conversation.js';
import { drawFaults } from './faults.js';
import { drawLinked } from './linked.js';
import { drawPasskey } from './passkey.js';
import { ask, follow, watch, world } from './world.js';

const part = (id) => document.querySelector(`#${id}`);
const dialog = part('contact-dialog');
const form = part('contact-form');

let open;

// An opened chat counts as read on every device.
function choose(chat) {
  open = chat;
  openConversation(chat);
  drawChats(open, choose);
  void ask('chats/seen', { id: chat });
}

watch(() => {
  const online = world.state.shown_online ? 'shown as online' : 'not shown as online';
  part('account').textContent = `+${world.state.account.split('@')[0]}, ${online}`;
  drawLinked();
  drawPasskey();
  drawFaults();
  drawChats(open, choose);
  drawConversation();
});

part('new-contact').addEventListener('click', () => dialog.showModal());
part('contact-cancel').addEventListener('click', () => dialog.close());
form.addEventListener('submit', async () => {
  const { name, pn, exists } = Object.fromEntries(new FormData(form));
  if (await ask('contacts', { name, pn, exists: exists === 'on' })) await ask('chats', { id: pn });
  form.reset();
});

follow();
