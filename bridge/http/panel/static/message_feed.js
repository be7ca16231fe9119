// What arrives in one session, read from the journal when the status counts more than was read; sends by the outbox.
// A stream of events for each window would hold one of the six connections that a browser has to a bridge for all.

import { get, hasScope, sessionPath } from './api.js';

//: Items of each stream that are read from before the section was opened, and the most of one answer.
const BEFORE = 50, PAGE = 200;

export class MessageFeed {
  #read = {}; // stream -> epoch and number of the newest item that was taken
  #reading = false;
  #status = null; // the newest
  #outbox = { asked: 0, taken: 0 }; // numbers of the newest call, and of the newest answer that was taken
  #closed = false;

  // `take` gets each message (`take.message(message)`), event (`take.event(event)`) and page of sends.
  constructor(session, take) {
    this.session = session;
    this.take = take;
  }

  // Takes what came since the last time.
  async follow(status) {
    if (!status?.epoch) return;
    this.#status = status;
    if (this.#reading) return;
    this.#reading = true;
    try {
      for (let known = null; known !== this.#status;) { // another one may come meanwhile
        known = this.#status;
        await this.#follow('in', known, known.last_seq, (item) => this.take.message(item));
        await this.#follow('event', known, known.last_event_seq, (item) => this.take.event(item));
      }
    } finally {
      this.#reading = false;
    }
  }

  async #follow(stream, { epoch }, last, take) {
    if (this.#read[stream]?.epoch !== epoch) this.#read[stream] = { epoch, seq: Math.max(0, (last ?? 0) - BEFORE) };
    while (this.#read[stream].seq < last && !this.#closed) {
      const query = new URLSearchParams({ stream, after: `${epoch}:${this.#read[stream].seq}`, limit: PAGE });
      const page = await get(`${sessionPath(this.session)}/messages?${query}`);
      if (page.epoch !== epoch || this.#closed) return;
      page.items.forEach(take);
      this.#read[stream].seq = page.next ? Number(page.next.split(':')[1]) : page.last_seq;
    }
  }

  async readOutbox() {
    if (!hasScope('send')) return;
    const asked = this.#outbox.asked += 1;
    const page = await get(`${sessionPath(this.session)}/sends?limit=50`).catch(() => null);
    if (asked < this.#outbox.taken) return; // overtaken: it would bring back what was
    this.#outbox.taken = asked;
    this.take.sends(page?.sends ?? []);
  }

  close() {
    this.#closed = true;
  }
}
