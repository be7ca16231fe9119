// Quick replies for the text of a message: a list that a button opens, and `/` at the beginning of the text.

import { account, get } from './api.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { button, named } from './widgets.js';

export class QuickReplies {
  #known = [];
  #shown = [];
  #at = 0;

  constructor(text) {
    this.text = text;
    const named = { 'aria-label': word('quickReplies') };
    this.list = h('div.quick', { role: 'listbox', id: 'quick-replies', hidden: true, ...named });
    const name = { 'aria-label': word('quickReplies'), title: word('quickReplies'), hidden: true };
    this.button = button('plain', '/', () => this.#toggle(), { ...name, 'aria-expanded': 'false' });
    text.setAttribute('aria-autocomplete', 'list');
    text.addEventListener('input', () => this.#offer());
    text.addEventListener('keydown', (event) => this.#key(event), true);
    text.addEventListener('blur', () => setTimeout(() => {
      if (!this.list.contains(document.activeElement) && document.activeElement !== this.button) this.#show([]);
    }, 150));
    if (account.me.responder) this.#load();
  }

  async #load() {
    this.#known = (await get('/v1/responder/templates').catch(() => ({ templates: [] }))).templates;
    this.button.hidden = !this.#known.length;
  }

  #toggle() {
    this.#show(this.list.hidden ? this.#known : []);
    this.text.focus();
  }

  #offer() {
    const typed = /^\/(\S*)$/.exec(this.text.value)?.[1].toLowerCase();
    const fits = ({ name, text }) => name.toLowerCase().includes(typed) || text.toLowerCase().includes(typed);
    this.#show(typed === undefined ? [] : this.#known.filter(fits));
  }

  #show(found) {
    this.#shown = found;
    this.#at = 0;
    this.list.hidden = !found.length;
    this.button.setAttribute('aria-expanded', String(!this.list.hidden));
    this.#draw();
  }

  #draw() {
    const option = ({ name, text }, index) => h('div', {
      role: 'option',
      id: `quick-reply-${index}`,
      'aria-selected': String(index === this.#at),
      onmousedown: (event) => { event.preventDefault(); this.#insert(index); },
    }, named('strong', name), h('span.soft', { dir: 'auto' }, text));
    update(this.list, this.#shown.map(option));
    if (this.list.hidden) {
      ['aria-activedescendant', 'aria-controls'].forEach((one) => this.text.removeAttribute(one));
      return;
    }
    this.text.setAttribute('aria-controls', 'quick-replies');
    this.text.setAttribute('aria-activedescendant', `quick-reply-${this.#at}`);
    this.list.children[this.#at]?.scrollIntoView({ block: 'nearest' });
  }

  #insert(index) {
    const { text } = this.#shown[index], { value, selectionStart: start, selectionEnd: end } = this.text;
    this.#show([]);
    if (/^\/\S*$/.test(value)) this.text.value = text;
    else this.text.setRangeText(text, start, end, 'end');
    this.text.focus();
  }

  #key(event) {
    if (this.list.hidden || event.isComposing) return;
    const moves = { ArrowDown: 1, ArrowUp: -1 }, count = this.#shown.length;
    if (event.key in moves) {
      this.#at = (this.#at + moves[event.key] + count) % count;
      this.#draw();
    } else if (event.key === 'Enter' || event.key === 'Tab') this.#insert(this.#at);
    else if (event.key === 'Escape') this.#show([]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}
