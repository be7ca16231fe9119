// The chats of one session and their messages, from three sources: WhatsApp's own list and history, what arrives live,
// and the outbox. A message is known by WhatsApp's id; a send has none before it was sent.

import { hasScope } from './api.js';
import { isErased, readableAddress } from './addresses.js';
import { contactName, rememberChat, rememberName, senderName } from './contact_names.js';
import { messageText } from './language.js';
import { ask, respond } from './requests.js';

//: Chats of a page of the list, and messages of a page of a chat.
const CHATS = 60, PAGE = 50;
//: Sends that act on a message, and the states in which they have.
const ACTS = new Set(['reaction', 'edit', 'revoke']), DONE = new Set(['sent', 'device', 'read', 'played']);
//: States of a send whose message the page may have already, and milliseconds between the times of the two.
const OPEN = new Set(['accepted', 'sending']), SAME = 60_000;

// What a send with a file shows, as the message of it does; null for another one.
function sentFile({ content, file }) {
  if (!file) return null;
  const [[kind, { filename, caption = '' }]] = Object.entries(content);
  return { kind, body: caption, media: { filename, url: file, state: 'ready' } };
}

// WhatsApp's page has the message of a send before the outbox says which one it is.
function isSame(message, send) {
  if (!message.mine || message.command || !OPEN.has(send.state)) return false;
  return message.body === send.body && Math.abs(message.at - send.at) < SAME;
}

export class Conversations {
  // `onChange` is called after every change.
  constructor(session, onChange) {
    this.session = session;
    this.onChange = onChange;
    this.chats = new Map();
    this.messages = new Map();
    this.sorted = new Map(); // chat -> its messages in order, until one comes
    this.complete = new Set();
    this.marks = new Map();
    this.acted = new Map(); // kind and message -> number of the newest send that acted so on it
    this.commands = new Map(); // id of a command -> of its message, as the event says
    this.bubbles = new Map(); // id of a command -> chat and key of what the outbox showed of it last
    this.next = null;
    this.named = null; // chats whose name was asked for, once the list is here
  }

  // Chats as the list shows them, newest first.
  list(wanted) {
    const found = [...this.chats.values()].filter((chat) => !wanted || this.#matches(chat, wanted));
    return found.sort((one, other) => other.at - one.at);
  }

  // The known messages of a chat, oldest first.
  of(chat) {
    if (!this.sorted.has(chat)) {
      const found = [...(this.messages.get(chat)?.values() ?? [])];
      this.sorted.set(chat, found.sort((one, other) => one.at - other.at || one.order - other.order));
    }
    return this.sorted.get(chat);
  }

  // The newest known message of a chat with `wanted` (lower case) in its text.
  find(chat, wanted) {
    return this.of(chat).findLast((item) => this.look(item).body?.toLowerCase().includes(wanted));
  }

  has({ chat, id }) {
    return this.messages.get(chat)?.has(id) ?? false;
  }

  // A chat that neither the list nor a message has named yet.
  meet({ chat, timestamp }) {
    if (!this.chats.has(chat)) this.#list({ chat, name: contactName(chat), unread: 0, at: timestamp * 1000, last: '' });
  }

  // An old message, from the journal.
  keep(message, mine) {
    this.#putOld(message, mine, 0, 'server');
    this.onChange();
  }

  // A message with what later events say about it.
  look(item) {
    return { ...item, ...this.marks.get(item.id) };
  }

  async loadChats(search) {
    const data = await ask(this.session, 'chats.list', { limit: CHATS, ...(search ? { search } : {}) });
    this.#takeChats(data);
    if (search) return;
    this.next = data?.next ?? null;
    this.named ??= new Set();
    this.chats.forEach((entry) => this.#name(entry));
  }

  async loadMoreChats() {
    const data = await ask(this.session, 'chats.list', { limit: CHATS, after: this.next });
    this.next = data?.next ?? null;
    this.#takeChats(data);
  }

  // The messages before the oldest known one that WhatsApp's page has; from the phone where it has no more.
  async loadOlder(chat) {
    const oldest = this.of(chat).find(({ id }) => id);
    const data = await ask(this.session, 'chats.history', {
      chat,
      limit: PAGE,
      ...(oldest ? { before: oldest.id, from_phone: this.complete.has(chat) } : {}),
    });
    if (!data) return;
    if (data.complete) this.complete.add(chat);
    const { length } = data.messages;
    data.messages.forEach((message, index) => this.#putOld(message, message.from_me, index - length, message.ack));
    this.onChange();
  }

  async markRead(chat) {
    const known = this.chats.get(chat);
    if (!known?.unread || !hasScope('send')) return;
    known.unread = 0;
    this.onChange();
    await respond(this.session, 'chats.read', { chat });
  }

  // Where the file of a message is; asks WhatsApp for it where the bridge does not have it yet.
  async findFile(item) {
    const { state, url } = await ask(this.session, 'media.get', { message_id: item.id });
    this.#mark({ message_id: item.id, state, url }, 'media');
    this.onChange();
  }

  // --- what arrives live

  message(message) {
    if (message.type === 'erased') return this.#forget(message);
    rememberName(message);
    const fresh = this.#put(message, false, message.seq ?? 0);
    const chat = this.#touch(message);
    if (fresh && !message.late && chat.at <= message.timestamp * 1000) chat.unread += 1;
    this.onChange();
  }

  event(event) {
    const { kind, message } = event;
    if (message) {
      if (message.type === 'erased') return;
      if (event.command) this.#join(event.command.id, message);
      this.#put(message, true, event.event_seq ?? 0, 'server');
      this.#touch(message);
    } else if (event.message_id) this.#mark(event, kind);
    this.onChange();
  }

  sends(sends) {
    for (const send of sends) this.#putSend(send);
    this.onChange();
  }

  // ---

  #matches({ chat, name, last }, wanted) {
    const said = `${name} ${chat} ${readableAddress(chat)} ${last ?? ''}`.toLowerCase();
    return said.includes(wanted) || this.find(chat, wanted) !== undefined;
  }

  #takeChats(data) {
    for (const one of data?.chats ?? []) {
      rememberChat(one);
      const known = this.chats.get(one.chat);
      const last = one.last ? messageText(one.last) : (known?.last ?? '');
      this.chats.set(one.chat, {
        ...one,
        name: one.name ?? contactName(one.chat),
        at: Math.max((one.at ?? 0) * 1000, known?.at ?? 0),
        last: known && known.at > (one.at ?? 0) * 1000 ? known.last : last,
      });
      if (one.last) this.#putOld(one.last, one.last.from_me, this.#orderOf(one.last), one.last.ack);
    }
    this.onChange();
  }

  #touch(message) {
    const { chat, timestamp } = message, at = timestamp * 1000;
    const known = this.chats.get(chat) ?? { chat, unread: 0, at: 0, last: '' };
    if (at >= known.at) Object.assign(known, { at, last: messageText(message) });
    if (!known.name || known.name === readableAddress(chat)) known.name = contactName(chat);
    this.#list(known);
    return known;
  }

  #list(entry) {
    this.chats.set(entry.chat, entry);
    if (this.named) this.#name(entry);
  }

  // What only an address names, the account may know by name: a person without a number who has not written, a group.
  async #name({ chat, name }) {
    if (!name.includes('@') || this.named.has(chat)) return;
    this.named.add(chat);
    const found = await ask(this.session, 'chats.get', { chat }).catch(() => null);
    if (!found?.name) return;
    rememberChat(found);
    Object.assign(this.chats.get(chat), { name: found.name });
    this.onChange();
  }

  // The messages of a chat, to change them.
  #inChat(chat) {
    this.sorted.delete(chat);
    if (!this.messages.has(chat)) this.messages.set(chat, new Map());
    return this.messages.get(chat);
  }

  // Of messages of one second: those of the history, which are numbered from below 0, then what arrives, by its number
  // in the journal, and last the newest of a chat.
  #orderOf({ chat, id }) {
    return this.messages.get(chat)?.get(id)?.order ?? Number.MAX_SAFE_INTEGER;
  }

  // A message of WhatsApp's page, which does not know the commands, or of the journal.
  #putOld(message, mine, order, ack) {
    const item = { mine, body: messageText(message), at: message.timestamp * 1000 };
    const isSent = mine && !this.has(message) && this.of(message.chat).some((one) => one.command && isSame(item, one));
    if (!isSent) this.#put(message, mine, order, ack);
  }

  // Returns whether the message is new here. The ticks of one that the outbox has are the outbox's.
  #put(message, mine, order, ack) {
    const items = this.#inChat(message.chat), known = items.get(message.id);
    // WhatsApp's history does not say where the bridge has a file
    const content = known?.message?.media?.url ? { ...message, media: known.message.media } : message;
    items.set(message.id, {
      key: message.id,
      id: message.id,
      at: message.timestamp * 1000,
      order,
      mine: Boolean(mine),
      chat: message.chat,
      body: content === message ? messageText(message) : content.body,
      sender: mine || message.author === message.chat ? null : senderName(message),
      state: known?.state ?? (mine ? ({ server: 'sent', error: 'failed' }[ack] ?? ack ?? 'sending') : undefined),
      message: content,
    });
    return !known;
  }

  // The message of a command came before the outbox says so.
  #join(command, message) {
    this.commands.set(command, message.id);
    if (this.bubbles.get(command)?.key !== message.id) this.#takeBack(command); // its bubble has the ticks
  }

  // Each attempt of a command may have another message, and another spelling of its chat.
  #takeBack(command) {
    const { chat, key } = this.bubbles.get(command) ?? {};
    if (this.messages.get(chat)?.get(key)?.command === command) this.#inChat(chat).delete(key);
  }

  #putSend(send) {
    if (this.#markActed(send)) return;
    this.#takeBack(send.id);
    const chat = send.chat ?? send.to, items = this.#inChat(chat);
    if (isErased(send.to)) return;
    const shown = sentFile(send);
    const id = send.message_id ?? this.commands.get(send.id), known = id && items.get(id);
    if (known) {
      if (send.message_id) known.state = send.state;
      if (shown) {
        known.message = { ...shown, ...known.message, media: { ...known.message?.media, ...shown.media } };
        known.body = shown.body;
      }
      return;
    }
    const at = Date.parse(send.claimed_at);
    const { number: order, state, error, id: command } = send;
    const body = shown ? shown.body : send.message;
    const item = { key: id ?? `out ${order}`, id, at, order, mine: true, chat, body, state, error, command };
    if ([...items.values()].some((message) => isSame(message, item))) return;
    this.bubbles.set(command, item);
    items.set(item.key, { ...item, message: shown ?? undefined });
    const entry = this.chats.get(chat) ?? { chat, name: contactName(chat), unread: 0, at: 0 };
    if (at >= entry.at) Object.assign(entry, { at, last: send.message });
    this.#list(entry);
  }

  // Returns whether a send acts on a message; what it did is shown at that one.
  #markActed({ content, state, number, message_id: sent }) {
    const [[kind, value]] = Object.entries(content);
    if (!ACTS.has(kind)) return false;
    const id = value.message_id?.includes('_') ? value.message_id : sent, done = `${kind} ${id}`;
    if (!id || !DONE.has(state) || this.acted.get(done) >= number) return true;
    this.acted.set(done, number);
    this.#mark({ message_id: id, emoji: value.emoji, body: value.message }, kind);
    return true;
  }

  // What an event says about an earlier message. Own reactions are those of no other member of the chat.
  #mark({ message_id: id, emoji, author, body, state, url, from_pn: pn, from_lid: lid }, kind) {
    const marks = this.marks.get(id) ?? {}, who = author && [pn, lid].includes(author) ? author : 'me';
    if (kind === 'reaction') marks.reactions = { ...marks.reactions, [who]: emoji };
    else if (kind === 'edit') Object.assign(marks, { body, edited: true });
    else if (kind === 'revoke') marks.revoked = true;
    else if (kind === 'media') marks.media = { state, url };
    this.marks.set(id, marks);
  }

  #forget({ seq }) {
    this.sorted.clear();
    for (const items of this.messages.values()) {
      for (const [id, { message }] of items) if (message?.seq === seq) items.delete(id);
    }
  }
}
