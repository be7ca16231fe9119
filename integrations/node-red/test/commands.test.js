"use strict";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { CommandIds, commandOf } = require("../lib/commands");

const wa = { epoch: "e", seq: 7, chat: "5491155500001@c.us" };
const of = (msg, settings = {}, ids = new CommandIds("n")) => commandOf(msg, settings, ids, 0);

test("a text answers the chat of its message", () => {
  assert.deepEqual(of({ payload: "Hola", wa }), { message: "Hola", to: wa.chat, id: "nodered-n-e-7-1" });
  assert.equal(of({ payload: 42, wa }).message, "42");
});

test("an answer that is repeated after a restart has the same id, a second answer another one", () => {
  const ids = new CommandIds("n");
  const both = [of({ payload: "a", wa }, {}, ids).id, of({ payload: "b", wa }, {}, ids).id];
  const again = new CommandIds("n");
  assert.deepEqual([of({ payload: "a", wa }, {}, again).id, of({ payload: "b", wa }, {}, again).id], both);
  assert.equal(new Set(both).size, 2);
});

test("without a message the id is new each time; a given one stays", () => {
  assert.notEqual(of({ payload: "a", to: "1" }).id, of({ payload: "a", to: "1" }).id);
  assert.equal(of({ payload: { id: "order-7", to: "1", message: "a" } }).id, "order-7");
});

test("the recipient: the command's, the node's, the flow's, the chat", () => {
  const settings = { to: "2" };
  assert.equal(of({ payload: { to: "1", message: "a" }, to: "3", wa }, settings).to, "1");
  assert.equal(of({ payload: "a", to: "3", wa }, settings).to, "2");
  assert.equal(of({ payload: "a", to: "3", wa }).to, "3");
  assert.equal("to" in of({ payload: { reaction: { message_id: "m", emoji: "👍" } }, wa }), false);
});

test("the time to send it counts from now", () => {
  assert.equal(of({ payload: "a", wa }, { ttl: 60 }).expires_at, "1970-01-01T00:01:00.000Z");
  assert.equal("expires_at" in of({ payload: { message: "a", ttl: 5 }, wa }, { ttl: 60 }), false);
});

for (const payload of [undefined, null, "", [], Buffer.from("a")]) {
  test(`nothing to send: ${JSON.stringify(payload)}`, () => {
    assert.throws(() => of({ payload, wa }), { key: "noContent" });
  });
}

test("no recipient", () => assert.throws(() => of({ payload: "a" }), { key: "noRecipient" }));

test("the flow's object stays as it is", () => {
  const payload = { message: "a" };
  of({ payload, wa });
  assert.deepEqual(payload, { message: "a" });
});
