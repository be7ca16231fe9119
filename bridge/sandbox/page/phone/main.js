// The phone: draws the parts of the page, again after every change of the sandbox's world.

import { drawChats } from './chats.js';
import { replyTo } from './composer.js';
import { closeConversation, drawConversation, openConversation } from './conversation.js';
import { part } from './element.js';
import { drawFaults } from './faults.js';
import { chooseLanguage, language, translate, word } from './language.js';
import { drawLinked } from './linked.js';
import { drawPasskey } from './passkey.js';
import { offerSearch } from './search.js';
import { ask, follow, notify, watch, world } from './world.js';

const LANGUAGES = { en: 'English', es: 'Español' };
const dialog = part('contact-dialog');
const form = part('contact-form');

let open;

// An opened chat counts as read on every device.
function choose(chat, position) {
  open = chat;
  void openConversation(chat, position);
  drawChats(open, choose);
  void ask('chats/seen', { id: chat });
}

function showLanguage() {
  const other = language() === 'es' ? 'en' : 'es';
  translate(document);
  Object.assign(part('language'), { lang: other, textContent: LANGUAGES[other] });
}

watch(() => {
  const { account, shown_online: isOnline } = world.state;
  part('account').textContent = word(isOnline ? 'online' : 'offline', account.split('@')[0]);
  drawLinked();
  drawPasskey();
  drawFaults();
  drawChats(open, choose);
  drawConversation();
});

part('language').addEventListener('click', () => {
  chooseLanguage(part('language').lang);
  showLanguage();
  notify();
});
part('new-contact').addEventListener('click', () => dialog.showModal());
part('contact-cancel').addEventListener('click', () => dialog.close());
form.addEventListener('submit', async () => {
  const { name, pn, exists } = Object.fromEntries(new FormData(form));
  if (await ask('contacts', { name, pn, exists: exists === 'on' })) await ask('chats', { id: pn });
  form.reset();
});

// Escape closes a menu, else takes back a reply, else leaves the conversation. Dialogs and the search have their own.
addEventListener('keydown', (event) => {
  const { key, target } = event;
  if (key !== 'Escape' || event.isComposing || target.closest('dialog, [type="search"]')) return;
  const menu = target.closest('details[open]') ?? document.querySelector('.conversation details[open]');
  if (menu) {
    menu.open = false;
    menu.querySelector('summary').focus();
  } else if (!replyTo(undefined) && part('conversation').contains(target)) closeConversation();
});

showLanguage();
offerSearch(() => drawChats(open, choose));
follow();
