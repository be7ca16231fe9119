"use strict";
// Merges live messages, replayed ones and statuses into one gapless stream. The rules are those of the Python client
// (bridge/client/merge.py): every message once, in the order of seq, whatever the broker lost, repeated or reordered.
// Pure: arrivals and times in milliseconds come in; messages, gaps and replay requests come out.

const GRACE = 2000; // that a message announced by a status may take before a replay is requested
const SILENCE = 5000; // after which a replay request is repeated, at first
const LONGEST_SILENCE = 30000;
const MAX_EMPTY_PAGES = 5; // pages that may end without the missing message before it is reported as lost

class MessageStream {
  /** `cursor`: {epoch, seq} of the last message that was processed; else `start`: "now" or "oldest". */
  constructor({ reader, cursor, start, newId, limit = 10000, page = 500 }) {
    this.reader = reader;
    this.newId = newId;
    this.limit = limit;
    this.page = page;
    this.epoch = cursor ? cursor.epoch : null;
    this.last = cursor ? cursor.seq : 0;
    this.positioned = Boolean(cursor) || start === "oldest";
    this.fromOldest = !cursor && start === "oldest";
    this.leftEpochs = new Map();
    this.buffered = new Map();
    this.ready = [];
    this.newest = 0;
    this.away = false;
    this.requestNeeded = false;
    this.requested = null;
    this.silence = SILENCE;
    this.emptyPages = 0;
    this.due = null; // when to call `request` next; null = only after another arrival
  }

  /** Position after everything that is in `ready`; null before the first status or message. */
  get cursor() {
    return this.positioned && this.epoch ? { epoch: this.epoch, seq: this.last } : null;
  }

  /** The next {message} or {gap}; undefined when there is none yet. */
  pop() {
    return this.ready.shift();
  }

  take(message, now, { replayed }) {
    const { epoch, seq } = message;
    if (!this.positioned) {
      if (replayed) return; // requested by another node with the same reader
      this.#position(epoch, seq - 1);
    }
    if (this.leftEpochs.has(epoch)) return;
    this.#enter(epoch, now);
    if (replayed && this.requested && this.due !== null) this.due = Math.max(this.due, now + this.silence);
    if (seq === this.last + 1) {
      this.#advance(seq, message);
      this.#release();
    } else if (seq > this.last) {
      this.buffered.set(seq, message);
      if (this.buffered.size > this.limit) this.buffered.delete(Math.max(...this.buffered.keys()));
      if (!this.requested && !this.requestNeeded) this.#schedule(now);
    }
  }

  takeStatus({ epoch, newest, away }, now) {
    if (away) {
      this.away = true;
      return;
    }
    const returned = this.away;
    this.away = false;
    if (!epoch) return;
    if (!this.positioned) {
      this.#position(epoch, newest);
      return;
    }
    if (this.leftEpochs.has(epoch)) {
      this.#schedule(now); // the replay shows which store is the current one
      return;
    }
    this.#enter(epoch, now);
    this.newest = newest;
    if (returned) this.#schedule(now);
    else if (this.last < newest && this.due === null) this.due = now + GRACE;
  }

  /** The end of a page; one of another node's request is ignored. */
  takeEnd(end, now) {
    if (!this.requested || end.request !== this.requested.request) return;
    const request = this.requested;
    this.requested = null;
    if (end.error) {
      this.requestNeeded = true;
      this.due = now + this.silence;
      return;
    }
    this.#enter(end.epoch, now);
    this.requestNeeded = false;
    this.due = null;
    this.newest = end.last_seq;
    const rewound = request.after && request.after.epoch === end.epoch && request.after.seq > end.last_seq;
    if (rewound) this.#skipTo(end.last_seq, "rewound");
    const first = end.first_seq ?? end.last_seq + 1;
    if (this.last + 1 < first) this.#skipTo(first - 1, "retention");
    this.fromOldest = false;
    const reached = end.next ?? end.last_seq;
    if (this.last < reached) {
      this.emptyPages += 1;
      if (this.emptyPages >= MAX_EMPTY_PAGES) {
        this.#skipTo((this.buffered.size ? Math.min(...this.buffered.keys()) : reached + 1) - 1, "lost");
      }
      this.#schedule(now + 1000 * this.emptyPages);
    } else if (end.next !== null && end.next !== undefined) this.#schedule(now);
    else if (this.buffered.size) this.#schedule(now + GRACE);
  }

  /** After each subscription: messages may have been missed until now. */
  resubscribed(now) {
    this.requested = null;
    this.#schedule(now);
  }

  /** The replay request to publish now, if one is due; repeated with growing pauses until its page ends. */
  request(now) {
    if (this.due === null || this.due > now) return null;
    this.due = null;
    // While the bridge is away, requests would fill its queue at the broker; a status reports its return.
    const wanted = this.requestNeeded || this.buffered.size || this.last < this.newest;
    if (!this.positioned || this.away || !wanted) return null;
    const after = this.epoch === null ? null : { epoch: this.epoch, seq: this.last };
    const same = this.requested && JSON.stringify(this.requested.after) === JSON.stringify(after);
    this.silence = same ? Math.min(2 * this.silence, LONGEST_SILENCE) : SILENCE;
    if (!same) this.requested = { request: this.newId(), reader: this.reader, after, stream: "in", limit: this.page };
    this.requestNeeded = true;
    this.due = now + this.silence;
    return this.requested;
  }

  #schedule(at) {
    this.requestNeeded = true;
    this.due = this.due === null ? at : Math.min(this.due, at);
  }

  #position(epoch, last) {
    this.positioned = true;
    this.epoch = epoch;
    this.last = last;
  }

  /** Switches to another store: reported as a gap, read from its oldest message or from where it was left. */
  #enter(epoch, now) {
    if (epoch === this.epoch) return;
    if (this.epoch === null) {
      this.epoch = epoch;
      return;
    }
    for (const seq of [...this.buffered.keys()].sort((a, b) => a - b)) {
      if (seq > this.last) this.#skipTo(seq - 1, "lost"); // valid ones after a hole that cannot be filled any more
    }
    const before = { epoch: this.epoch, seq: this.last };
    this.leftEpochs.set(this.epoch, this.last);
    this.epoch = epoch;
    this.last = this.leftEpochs.get(epoch) ?? 0;
    this.leftEpochs.delete(epoch);
    this.fromOldest = this.last === 0;
    this.newest = 0;
    this.requested = null;
    this.ready.push({ gap: { reason: "new_epoch", before, after: { epoch, seq: this.last } } });
    this.#schedule(now);
  }

  #advance(seq, message) {
    this.last = seq;
    this.emptyPages = 0;
    this.ready.push({ message });
  }

  #release() {
    while (this.buffered.has(this.last + 1)) {
      const seq = this.last + 1;
      const message = this.buffered.get(seq);
      this.buffered.delete(seq);
      this.#advance(seq, message);
    }
  }

  /** Continues after `seq`. A reader that starts at the oldest message misses nothing before it. */
  #skipTo(seq, reason) {
    if (seq !== this.last && this.epoch !== null) {
      const at = (position) => ({ epoch: this.epoch, seq: position });
      if (!(this.fromOldest && reason === "retention")) {
        this.ready.push({ gap: { reason, before: at(this.last), after: at(seq) } });
      }
      this.last = seq;
      this.emptyPages = 0;
      for (const held of [...this.buffered.keys()]) if (held <= seq) this.buffered.delete(held);
    }
    this.#release();
  }
}

module.exports = { MessageStream };
