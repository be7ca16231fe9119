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
    this.cursors = new Map(); // stream -> id of the newest item
    // A browser has six connections to a bridge for all its tabs.
    this.rest = () => { if (document.hidden) this.#stop(); };
    document.addEventListener('visibilitychange', this.rest);
  }

  // Opens the streams, where they ended. One that was refused because the session was closed is opened again: a browser
  // gives up then.
  follow(status) {
    if (!status?.epoch || document.hidden) return;
    for (const [stream, last] of [['in', status.last_seq], ['event', status.last_event_seq]]) {
      const known = this.sources.get(stream);
      if (known && known.readyState !== EventSource.CLOSED) continue;
      const cursor = this.cursors.get(stream), begin = `${status.epoch}:${Math.max(0, (last ?? 0) - BEFORE)}`;
      const after = cursor?.startsWith(`${status.epoch}:`) ? cursor : begin;
      const source = new EventSource(`${sessionPath(this.session)}/events?stream=${stream}&after=${after}`);
      const take = ({ type, data, lastEventId }) => {
        this.cursors.set(stream, lastEventId);
        if (data) this.take[type](JSON.parse(data));
      };
      ['message', 'event'].forEach((type) => source.addEventListener(type, take));
      this.sources.set(stream, source);
    }
  }

  async readOutbox() {
    if (!hasScope('send')) return;
    const page = await get(`${sessionPath(this.session)}/sends?limit=50`).catch(() => null);
    this.take.sends(page?.sends ?? []);
  }

  #stop() {
    this.sources.forEach((source) => source.close());
    this.sources.clear();
  }

  close() {
    document.removeEventListener('visibilitychange', this.rest);
    this.#stop();
  }
}
