// Puts the parts of the page together and keeps them up to date.

import { follow } from './api.js';
import * as conversation from './conversation.js';
import * as list from './list.js';
import * as switches from './switches.js';
import { translate } from './words.js';

const LOOK_EVERY = 10_000; // what another replica does is not announced here
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

async function changed(chatIds) {
  try {
    const touched = chatIds.includes(null) || chatIds.includes(conversation.current());
    await Promise.all([list.refresh(), switches.refresh(), touched ? conversation.refresh() : null]);
  } catch (error) {
    switches.unreachable();
  }
}

translate(document);
switches.start(fail);
list.start(open);
conversation.start({ closed: close, failed: fail });
setInterval(() => changed([null]), LOOK_EVERY);
follow(changed, switches.unreachable);
