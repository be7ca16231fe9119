"use strict";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { filter } = require("../lib/filter");

const ANA = {
  chat: "111@lid",
  author: "111@lid",
  from_pn: "5491155500001@c.us",
  from_lid: "111@lid",
  person: "p1",
  kind: "text",
  body: "¿Está el Pedido 42?",
};
const IN_GROUP = { ...ANA, chat: "120363000000000001@g.us" };

test("empty fields pass everything", () => assert.ok(filter({})({ chat: "a", author: "a" })));

test("by kind", () => {
  assert.ok(filter({ kind: "image, text" })(ANA));
  assert.ok(!filter({ kind: "image" })(ANA));
});

test("by chat: an address, or the number in any spelling also where WhatsApp shows a LID", () => {
  const spellings = ["111@lid", "5491155500001", "+54 9 11 5550-0001", "1@c.us, 111@lid"];
  for (const chat of spellings) assert.ok(filter({ chat })(ANA), chat);
  assert.ok(!filter({ chat: "5491155500002" })(ANA));
  assert.ok(!filter({ chat: "5491155500001" })(IN_GROUP)); // wrote there, is another chat
  assert.ok(filter({ chat: "120363000000000001@g.us" })(IN_GROUP));
});

test("by person, in a group too", () => {
  for (const person of ["p1", "5491155500001", "111@lid"]) assert.ok(filter({ person })(IN_GROUP), person);
  assert.ok(!filter({ person: "p2" })(IN_GROUP));
});

test("by text: a part, or a regular expression", () => {
  assert.ok(filter({ text: "pedido" })(ANA));
  assert.ok(filter({ text: "/pedido \\d+/i" })(ANA));
  assert.ok(!filter({ text: "/^pedido/i" })(ANA));
  assert.throws(() => filter({ text: "/(/" }));
});

test("all fields must match", () => assert.ok(!filter({ kind: "text", text: "factura" })(ANA)));
