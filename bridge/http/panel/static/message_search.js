// The messages of a session that have the words of the search, in all chats: below the chats, newest first.

import { get, sessionPath } from './api.js';
import { contactName } from './contact_names.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { ago } from './times.js';
import { button, named } from './widgets.js';

//: Messages of a page, and pages of a chat that are loaded to show one of them among those around it.
const PAGE = 20, PAGES = 12;
//: The bridge takes no longer ones, and nothing that has no letter or digit.
const LONGEST = 200, SEARCHABLE = /[\p{L}\p{N}]/u;

export class MessageSearch {
  #wanted = '';
  #hits = [];
  #next = null;
  #complete = true;

  // `onOpen(hit)` is called for the message that was chosen, `onChange` when messages were found.
  constructor(session, { onOpen, onChange }) {
    Object.assign(this, { session, onOpen, onChange });
    this.element = h('div.found-messages');
  }

  get isEmpty() {
    return !this.#hits.length;
  }

  // Searches for what is written now. An answer that comes when something else is written is dropped.
  async search(wanted) {
    this.#take(wanted, [], null, true);
    if (!wanted || wanted.length > LONGEST || !SEARCHABLE.test(wanted)) return;
    await this.#read();
  }

  async #read() {
    const wanted = this.#wanted, after = this.#next ? { after: this.#next } : {};
    const query = new URLSearchParams({ q: wanted, limit: PAGE, ...after });
    const page = await get(`${sessionPath(this.session)}/messages?${query}`);
    if (wanted === this.#wanted) this.#take(wanted, [...this.#hits, ...page.hits], page.next, page.complete);
  }

  #take(wanted, hits, next, complete) {
    this.#wanted = wanted;
    this.#hits = hits;
    this.#next = next;
    this.#complete = complete;
    update(this.element,
      hits.length ? h('h2', null, word('foundMessages')) : null,
      complete ? null : h('p.soft', null, word('stillIndexing')),
      hits.length ? this.#list(hits) : null,
      next ? button('button', word('more'), () => this.#read()) : null);
    this.onChange();
  }

  #list(hits) {
    return h('ul', { 'aria-label': word('foundMessages') }, hits.map((hit) => this.#entry(hit)));
  }

  #entry(hit) {
    const who = hit.from_me ? word('foundOwn') : hit.author === hit.chat ? '' : hit.notify_name ?? '';
    const pieces = hit.snippet.map(({ text, found }) => (found ? h('mark', null, text) : text));
    return h('li', null, h('button.chat', { type: 'button', onclick: () => { this.onOpen(hit); } },
      named('strong', hit.from_me ? contactName(hit.chat) : nameOf(hit)),
      ago(new Date(hit.timestamp * 1000).toISOString()),
      h('span.soft', { dir: 'auto' }, who ? `${who}: ` : null, ...pieces)));
  }
}

const nameOf = ({ chat, author, notify_name: name }) => (author === chat && name ? name : contactName(chat));

// Loads the chat of a hit, page by page with `loadPage()`, until the message is there; returns whether it is. Else the
// journal has it, without those around it.
export async function bring(conversations, hit, epoch, loadPage) {
  conversations.meet(hit);
  for (let page = 0; page < PAGES && !conversations.has(hit); page += 1) if (!(await loadPage())) break;
  if (conversations.has(hit)) return true;
  const query = new URLSearchParams({ stream: hit.stream, after: `${epoch}:${hit.seq - 1}`, limit: 1 });
  const { items: [item] } = await get(`${sessionPath(conversations.session)}/messages?${query}`);
  conversations.keep(item.message ?? item, hit.from_me);
  return false;
}
