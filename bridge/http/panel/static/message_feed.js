// What arrives in one session, live: messages and events by server-sent events, sends by the outbox.

import { get, hasScope, sessionPath } from './api.js';

//: Items of each stream that are read from before the section was opened.
const BEFORE = 50;

export class MessageFeed {
  // `take` gets each message (`take.message(message, seq)`), event (`take.event(event)`) and page of sends.
  constructor(session, take) {
    this.session = session;
    this.take = take;
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
      source.addEventListener('message', ({ data }) => { if (data) this.take.message(JSON.parse(data)); });
      source.addEventListener('event', ({ data }) => this.take.event(JSON.parse(data)));
      this.sources.set(stream, source);
    }
  }

  async readOutbox() {
    if (!hasScope('send')) return;
    const page = await get(`${sessionPath(this.session)}/sends?limit=50`).catch(() => null);
    this.take.sends(page?.sends ?? []);
  }

  close() {
    this.sources.forEach((source) => source.close());
  }
}
