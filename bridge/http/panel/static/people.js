// The people whom a session knows: found, read, blocked; and the check of many numbers.

import { hasScope } from './api.js';
import { readableAddress } from './addresses.js';
import { chatMarks, conversationLink, pictureOf } from './chat_marks.js';
import { rememberChat } from './contact_names.js';
import { openDialog } from './dialogs.js';
import { Directory } from './directory.js';
import { h } from './element.js';
import { word } from './language.js';
import { NumberCheck } from './number_check.js';
import { problemText } from './problems.js';
import { ask, respond } from './requests.js';
import { button, chip, emptyState, fact, heading, named, toast } from './widgets.js';

const PAGE = 50;
//: Of each selection: the key of its button, and the arguments that select.
const SELECTIONS = [['everyone', {}], ['savedPeople', { saved: true }], ['blockedPeople', { blocked: true }]];

const nameOf = ({ name, pushname, contact }) => name ?? pushname ?? readableAddress(contact);

// `contact`: who is opened at once.
export function open(view, app, contact) {
  const { session } = app, tools = h('div.chips.filters', { role: 'group', 'aria-label': word('selection') });
  const isConnected = () => app.sessions.find((one) => one.session === session)?.state === 'connected';
  const directory = new Directory({ name: word('people'), load, entry, tools, isConnected });
  let selected = SELECTIONS[0], check = null;

  async function load(after, search) {
    const given = { limit: PAGE, ...selected[1], ...(after ? { after } : {}), ...(search ? { search } : {}) };
    const { contacts, next } = await ask(session, 'contacts.list', given);
    return { entries: contacts, next };
  }

  function entry(person) {
    const address = readableAddress(person.contact), name = nameOf(person);
    const open = { type: 'button', 'data-key': person.contact, onclick: () => { show(person.contact); } };
    return h('button.chat', open, named('strong', name), badges(person),
      h('span.soft', null, name === address || address.includes('@') ? '' : address));
  }

  const badges = ({ blocked, business }) => h('span.badges', null,
    blocked ? h('span.badge.bad', null, word('blocked')) : null,
    business ? h('span.badge.calm', null, word('business')) : null);

  async function show(contact, focus = 'h2') {
    let person;
    directory.wanted = contact;
    try {
      person = await ask(session, 'contacts.get', { contact });
      if (directory.wanted !== contact) return null; // another one was chosen meanwhile
    } catch (problem) {
      if (directory.wanted !== contact) return null;
      return directory.show(readableAddress(contact), contact, emptyState(problemText(problem)));
    }
    const name = nameOf(person), chat = person.chat ?? person.from_pn;
    rememberChat({ chat, name });
    directory.show(name, contact,
      pictureOf(session, person.contact, name),
      badges(person),
      h('dl.facts.few', null,
        person.from_pn ? fact(word('number'), readableAddress(person.from_pn)) : null,
        person.from_lid ? fact('LID', person.from_lid) : null,
        person.pushname ? fact(word('ownName'), person.pushname) : null,
        person.verified_name ? fact(word('verifiedName'), person.verified_name) : null),
      person.about ? h('p', { dir: 'auto' }, person.about) : null,
      h('div.row', null, chat ? conversationLink(chat, !person.chat) : null,
        person.me || !hasScope('send') ? null : blocking(person)),
      chatMarks(session, person.chat));
    return directory.pane.querySelector(focus)?.focus();
  }

  function blocking({ contact, blocked, ...person }) {
    return button(blocked ? 'button' : 'danger', word(blocked ? 'unblock' : 'block'), async () => {
      const question = { title: word('blockAsk', nameOf({ contact, ...person })), text: word('blockText') };
      const answers = { action: word('block'), cancel: word('cancel'), danger: true };
      if (!blocked && !(await openDialog({ ...question, ...answers }))) return;
      try {
        const { status } = await respond(session, blocked ? 'contacts.unblock' : 'contacts.block', { contact });
        toast(word(status === 'done' ? 'done' : 'inDoubt'), status !== 'done');
      } catch (problem) {
        toast(problemText(problem), true);
      }
      const isOpen = directory.opened === contact;
      await Promise.all([isOpen ? show(contact, '.parts > .row button') : null, directory.read()]);
    });
  }

  function select(selection) {
    selected = selection;
    const choose = (one) => chip(word(one[0]), one === selected, () => select(one));
    const focused = tools.contains(document.activeElement);
    tools.replaceChildren(...SELECTIONS.map(choose));
    if (focused) tools.children[SELECTIONS.indexOf(selected)].focus();
    directory.read(true);
  }

  function showCheck() {
    check ??= new NumberCheck(session);
    directory.show(word('checkNumbers'), null, check.element);
    directory.pane.querySelector('h2').focus();
  }

  const checking = hasScope('send') ? button('main-button', word('checkNumbers'), showCheck) : null;
  view.append(heading(word('people'), word('peopleLead'), checking), directory.element);
  select(selected);
  if (contact) show(contact);
  return {
    refresh: () => directory.refresh(),
    close: () => {
      directory.asked = null;
      check?.close();
    },
  };
}
