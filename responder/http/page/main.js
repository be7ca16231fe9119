// Connects the parts of the page and refreshes them.

import { follow } from './api.js';
import * as conversation from './conversation.js';
import * as list from './list.js';
import * as switches from './switches.js';
import { chooseOther, translate } from './words.js';

const REFRESH = 10_000; // milliseconds; changes by another replica are not in the live stream
const PAUSE = 250; // milliseconds between two refreshes
const page = document.getElementById('page');
const alertBox = document.getElementById('alert');
let hiding;

function fail(error) {
  alertBox.textContent = error.message;
  alertBox.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { alertBox.hidden = true; }, 6000);
}

async function open(chatId) {
  try {
    await conversation.open(chatId);
  } catch (error) {
    fail(error);
    return;
  }
  page.classList.add('reading');
  if (!document.activeElement.checkVisibility()) document.getElementById('back').focus(); // the list is hidden
  conversation.toEnd(); // what is not displayed does not scroll
  list.mark(conversation.current()); // another one than `chatId` where that was merged
}

function close() {
  const chatId = conversation.current();
  page.classList.remove('reading');
  conversation.close();
  list.mark(null);
  if (!document.activeElement.checkVisibility()) list.focus(chatId);
}

// The address holds the open chat: a reload keeps it, and the back button of a phone returns to the list.
function go(chatId) {
  history.pushState({ fromList: true }, '', `#chat-${chatId}`);
  return open(chatId);
}

function back() {
  if (history.state?.fromList) history.back();
  else {
    history.replaceState(null, '', location.pathname);
    close();
  }
}

function followAddress() {
  const chatId = Number(/^#chat-(\d+)$/.exec(location.hash)?.[1]);
  return chatId ? open(chatId) : close();
}

// Whatever the rate of changes: one refresh at a time, at most four a second.
let waiting = null;
let refreshing = false;

async function changed(chatIds) {
  waiting = [...(waiting ?? []), ...chatIds];
  if (refreshing) return;
  refreshing = true;
  while (waiting) {
    const ids = waiting, isOpen = ids.includes(null) || ids.includes(conversation.current());
    waiting = null;
    try {
      await Promise.all([list.refresh(ids), isOpen ? conversation.refresh() : null]);
      await switches.refresh(); // last: it says that the responder works
      list.mark(conversation.current());
    } catch (error) {
      switches.unreachable();
    }
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  }
  refreshing = false;
}

translate(document);
document.getElementById('language').addEventListener('click', chooseOther);
switches.start(fail);
list.start({ opened: go, failed: fail });
conversation.start({ closed: back, failed: fail });
addEventListener('popstate', followAddress);
if (location.hash) followAddress();
setInterval(() => changed([null]), REFRESH);
follow(changed, switches.unreachable);
