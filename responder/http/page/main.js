// Puts the parts of the page together and keeps them up to date.

import { follow } from './api.js';
import * as conversation from './conversation.js';
import * as list from './list.js';
import * as switches from './switches.js';
import { translate } from './words.js';

const LOOK_EVERY = 10_000; // what another replica does is not announced here
const PAUSE = 250; // milliseconds between two looks
const page = document.getElementById('page');
const problem = document.getElementById('problem');
let shownFor;

function fail(error) {
  problem.textContent = error.message;
  problem.hidden = false;
  clearTimeout(shownFor);
  shownFor = setTimeout(() => { problem.hidden = true; }, 6000);
}

async function open(chatId) {
  try {
    await conversation.open(chatId);
  } catch (error) {
    fail(error);
    return;
  }
  page.classList.add('reading');
  list.mark(chatId);
}

function close() {
  page.classList.remove('reading');
  conversation.close();
  list.mark(null);
}

// What is open stands in the address: a reload keeps it, and a phone's own "back" leads to the list.
function go(chatId) {
  history.pushState({ fromHere: true }, '', `#chat-${chatId}`);
  return open(chatId);
}

function back() {
  if (history.state?.fromHere) history.back();
  else {
    history.replaceState(null, '', location.pathname);
    close();
  }
}

function followAddress() {
  const chatId = Number(/^#chat-(\d+)$/.exec(location.hash)?.[1]);
  return chatId ? open(chatId) : close();
}

// However many changes come, one look at a time, and no more than a few a second.
let waiting = null;
let looking = false;

async function changed(chatIds) {
  waiting = [...(waiting ?? []), ...chatIds];
  if (looking) return;
  looking = true;
  while (waiting) {
    const touched = waiting.includes(null) || waiting.includes(conversation.current());
    waiting = null;
    try {
      await Promise.all([list.refresh(), switches.refresh(), touched ? conversation.refresh() : null]);
    } catch (error) {
      switches.unreachable();
    }
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  }
  looking = false;
}

translate(document);
switches.start(fail);
list.start(go);
conversation.start({ closed: back, failed: fail });
addEventListener('popstate', followAddress);
if (location.hash) followAddress();
setInterval(() => changed([null]), LOOK_EVERY);
follow(changed, switches.unreachable);
