// The messages of one session that the panel shows: received ones by server-sent events, sent ones by the outbox.

import { get, hasScope, sessionPath } from './api.js';
import { isErased } from './addresses.js';
import { rememberName, senderName } from './contact_names.js';
import { messageText, word } from './language.js';

//: Items shown; twice as many are kept. The journal has the rest.
export const SHOWN = 300;
//: Items of each stream that are read from before the section was opened.
const BEFORE = 50;

export class MessageFeed {
  // `onChange` is called after every change.
  constructor(session, onChange) {
    this.items = new Map();
    this.groups = new Set();
    this.session = session;
    this.onChange = onChange;
    this.sources = new Map();
  }

  // Opens the streams. One that was refused because the session was closed is opened again: a browser gives up then.
  follow(status) {
    if (!status?.epoch) return;
    for (const [stream, last] of [['in', status.last_seq], ['event', status.last_event_seq]]) {
      const known = this.sources.get(stream);
      if (known && known.readyState !== EventSource.CLOSED) continue;
      const after = `${status.epoch}:${Math.max(0, (last ?? 0) - BEFORE)}`;
      const source = new EventSource(`${sessionPath(this.session)}/events?stream=${stream}&after=${after}`);
      source.addEventListener('message', ({ data }) => { if (data) this.#add(JSON.parse(data), false); });
      source.addEventListener('event', ({ data }) => {
        const { message } = JSON.parse(data);
        if (message) this.#add(message, true);
      });
      this.sources.set(stream, source);
    }
  }

  async readOutbox() {
    if (!hasScope('send')) return;
    const page = await get(`${sessionPath(this.session)}/sends?limit=50`).catch(() => null);
    for (const send of page?.sends ?? []) {
      const key = `out ${send.number}`;
      if (isErased(send.to)) this.items.delete(key);
      else this.items.set(key, this.#sentItem(send));
    }
    this.onChange();
  }

  close() {
    this.sources.forEach((source) => source.close());
  }

  #add(message, mine) {
    if (message.type === 'erased') return;
    if (!mine) rememberName(message);
    if (message.author !== message.chat) this.groups.add(message.chat);
    this.items.set(`in ${message.id}`, {
      at: message.timestamp * 1000,
      seq: message.seq ?? 0,
      time: new Date(message.timestamp * 1000).toISOString(),
      mine,
      note: mine ? word('own') : undefined,
      chat: message.chat,
      body: messageText(message),
      sender: mine ? null : senderName(message),
    });
    while (this.items.size > SHOWN * 2) this.items.delete(this.items.keys().next().value);
    this.onChange();
  }

  #sentItem(send) {
    return {
      at: Date.parse(send.claimed_at),
      seq: send.number,
      time: send.claimed_at,
      mine: true,
      state: send.state,
      chat: send.chat ?? send.to,
      body: send.message,
      sender: null,
      error: send.error,
    };
  }
}
