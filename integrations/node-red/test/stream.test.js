"use strict";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { MessageStream } = require("../lib/stream");

const A = "epoch-a";
let numbers = 0;
const newStream = (options) => new MessageStream({ reader: "r", newId: () => `q${++numbers}`, ...options });
const message = (seq, epoch = A) => ({ epoch, seq });
const popped = (stream) => {
  const all = [];
  for (let item; (item = stream.pop()); ) all.push(item.message?.seq ?? item.gap.reason);
  return all;
};
const end = (request, last, more = {}) => ({ request, epoch: A, first_seq: 1, last_seq: last, next: null, ...more });

test("what followed the cursor is requested, and live messages wait for it", () => {
  const stream = newStream({ cursor: { epoch: A, seq: 2 } });
  stream.resubscribed(0);
  const request = stream.request(0);
  assert.deepEqual(request.after, { epoch: A, seq: 2 });
  stream.take(message(5), 1, { replayed: false });
  assert.deepEqual(popped(stream), []);
  for (const seq of [3, 4, 5]) stream.take(message(seq), 2, { replayed: true });
  stream.takeEnd(end(request.request, 5), 3);
  assert.deepEqual(popped(stream), [3, 4, 5]);
  assert.deepEqual(stream.cursor, { epoch: A, seq: 5 });
  assert.equal(stream.request(99999), null);
});

test("a message that comes twice is passed on once", () => {
  const stream = newStream({ cursor: { epoch: A, seq: 0 } });
  for (const seq of [1, 1, 2, 1, 2]) stream.take(message(seq), 0, { replayed: seq === 1 });
  assert.deepEqual(popped(stream), [1, 2]);
});

test("a new node that begins now is positioned by the first status", () => {
  const stream = newStream({ start: "now" });
  assert.equal(stream.cursor, null);
  stream.take(message(3), 0, { replayed: true }); // the replay of another node
  stream.takeStatus({ epoch: A, newest: 7, away: false }, 0);
  assert.deepEqual(stream.cursor, { epoch: A, seq: 7 });
  stream.take(message(8), 0, { replayed: false });
  assert.deepEqual(popped(stream), [8]);
});

test("a status that is ahead requests what the broker lost", () => {
  const stream = newStream({ cursor: { epoch: A, seq: 1 } });
  stream.takeStatus({ epoch: A, newest: 3, away: false }, 1000);
  assert.equal(stream.request(1000), null); // it may still arrive
  assert.equal(stream.request(3000).after.seq, 1);
});

test("a request is repeated with growing pauses, under the same id, and not while the bridge is away", () => {
  const stream = newStream({ cursor: { epoch: A, seq: 1 } });
  stream.resubscribed(0);
  const first = stream.request(0);
  assert.equal(stream.request(4999), null);
  assert.equal(stream.request(5000).request, first.request);
  assert.equal(stream.request(14999), null);
  stream.takeStatus({ away: true }, 14999);
  assert.equal(stream.request(15000), null);
  stream.takeStatus({ epoch: A, newest: 1, away: false }, 20000);
  assert.equal(stream.request(20000).after.seq, 1);
});

test("what the bridge no longer keeps is a gap; to one that begins with the oldest it is none", () => {
  const later = newStream({ cursor: { epoch: A, seq: 2 } });
  later.resubscribed(0);
  later.takeEnd(end(later.request(0).request, 9, { first_seq: 10 }), 0);
  assert.deepEqual(popped(later), ["retention"]);
  const oldest = newStream({ start: "oldest" });
  oldest.resubscribed(0);
  assert.equal(oldest.request(0).after, null);
  oldest.take(message(10), 0, { replayed: true });
  oldest.takeEnd(end(oldest.requested.request, 10, { first_seq: 10 }), 0);
  assert.deepEqual(popped(oldest), [10]);
});

test("a new store is a gap, then its messages from the oldest", () => {
  const stream = newStream({ cursor: { epoch: A, seq: 4 } });
  stream.takeStatus({ epoch: "b", newest: 2, away: false }, 0);
  assert.deepEqual(stream.request(0).after, { epoch: "b", seq: 0 });
  for (const seq of [1, 2]) stream.take(message(seq, "b"), 0, { replayed: true });
  stream.take(message(5), 0, { replayed: false }); // of the old one
  assert.deepEqual(popped(stream), ["new_epoch", 1, 2]);
});

test("a message that five pages do not deliver is reported as lost", () => {
  const stream = newStream({ cursor: { epoch: A, seq: 1 } });
  stream.resubscribed(0);
  let now = 0;
  stream.take(message(3), now, { replayed: false });
  for (let page = 0; page < 5; page += 1) {
    stream.takeEnd(end(stream.request(now).request, 3), now);
    now += 100000;
  }
  assert.deepEqual(popped(stream), ["lost", 3]);
});
