// A list in pages beside what is open of it, as the sections for people and groups show it. One page is in memory.

import { h } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { button, emptyState, field } from './widgets.js';

//: Milliseconds without a key before a search begins.
const TYPING = 300;

export class Directory {
  // `load(after, search)` gives {entries, next}; `entry(one)` the button of an entry, with its key in `data-key`.
  constructor({ name, load, entry, tools, isConnected }) {
    Object.assign(this, { load, entry, isConnected });
    this.before = []; // where each page up to this one begins
    this.next = null;
    this.search = h('input', { type: 'search', autocomplete: 'off', oninput: () => this.#searchSoon() });
    this.list = h('ul.chats', { 'aria-label': name });
    this.none = h('div');
    this.pages = h('nav.row.pages', { 'aria-label': word('pages') });
    this.pane = h('section.conversation.details');
    this.element = h('div.talk', { onkeydown: (event) => this.#onKey(event) },
      h('section.chat-list', null,
        h('div.row', null, field(word('search'), this.search)), tools, this.list, this.none, this.pages),
      this.pane);
    this.close(false);
  }

  // Reads the page again; the first one after a change of what is listed.
  async read(first = false) {
    if (first) this.before = [];
    const asked = (this.asked = {});
    this.loaded = this.isConnected();
    try {
      const { entries, next } = await this.load(this.before.at(-1), this.search.value.trim());
      if (asked !== this.asked) return;
      this.next = next;
      this.#draw(entries);
    } catch (problem) {
      if (asked === this.asked) this.#fill([], problemText(problem));
    }
  }

  // Reads the list once the session is connected.
  refresh() {
    if (!this.loaded && this.isConnected()) this.read();
  }

  // Shows elements beside the list; on a phone in its place. `key` is that of the entry, null for something else.
  show(title, key, ...parts) {
    this.opened = this.wanted = key;
    this.element.classList.add('opened');
    const back = button('plain', '←', () => this.close(true), { 'aria-label': word('backToList') });
    this.pane.replaceChildren(
      h('header.chat-title', null, h('div.row', null, back, h('h2', { tabindex: -1, dir: 'auto', title }, title))),
      h('div.parts', null, ...parts));
    this.#mark();
  }

  close(focus) {
    const before = this.list.querySelector('[aria-current=true]');
    this.opened = this.wanted = undefined; // `wanted`: the key of what is being read
    this.element.classList.remove('opened');
    this.pane.replaceChildren(emptyState(word('chooseEntry')));
    this.#mark();
    if (focus) (before ?? this.search).focus();
  }

  #draw(entries) {
    this.#fill(entries.map(this.entry), word('nothingFound'));
    const turn = (label, to, available) => button('button', label, to, { disabled: !available });
    const forth = () => { this.before.push(this.next); this.read(); };
    const back = () => { this.before.pop(); this.read(); };
    const several = this.next || this.before.length;
    this.pages.replaceChildren(...(several
      ? [turn(word('previous'), back, this.before.length), turn(word('following'), forth, this.next)] : []));
  }

  #fill(entries, nothing) {
    this.list.replaceChildren(...entries.map((one) => h('li', null, one)));
    this.none.replaceChildren(...(entries.length ? [] : [emptyState(nothing)]));
    this.list.scrollTop = 0;
    this.#mark();
  }

  #mark() {
    for (const one of this.list.querySelectorAll('.chat')) {
      if (one.dataset.key === this.opened && this.opened) one.setAttribute('aria-current', 'true');
      else one.removeAttribute('aria-current');
    }
  }

  #searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(true), TYPING);
  }

  #onKey(event) {
    if (event.key === 'Escape' && this.pane.contains(event.target)) this.close(true);
    if (!['ArrowDown', 'ArrowUp'].includes(event.key) || !this.list.contains(event.target)) return;
    const side = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling';
    event.target.closest('li')?.[side]?.firstElementChild.focus();
    event.preventDefault();
  }
}
