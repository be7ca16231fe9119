"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");
const { KeptFile } = require("../lib/kept_file");

function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "kept-"));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

test("a value is on disk when save resolves, readable for its owner only", async (t) => {
  const file = new KeptFile(path.join(folder(t), "sub"), "one");
  assert.equal(file.load(), undefined);
  await Promise.all([1, 2, 3].map((value) => file.save({ value })));
  assert.deepEqual(new KeptFile(path.dirname(file.path), "one").load(), { value: 3 });
  assert.equal(fs.statSync(file.path).mode & 0o777, 0o600);
  assert.deepEqual(fs.readdirSync(path.dirname(file.path)), ["one.json"]);
});

test("each save resolves only after its own value or a newer one is written", async (t) => {
  const file = new KeptFile(folder(t), "one");
  file.save(1);
  await file.save(2);
  assert.equal(file.load(), 2);
});

test("a failed save is reported, and the next one writes", async (t) => {
  const parent = folder(t);
  fs.writeFileSync(path.join(parent, "sub"), "a file in the folder's place");
  const file = new KeptFile(path.join(parent, "sub"), "one");
  await assert.rejects(file.save(1));
  fs.rmSync(path.join(parent, "sub"));
  await file.save(2);
  assert.equal(file.load(), 2);
});

test("a damaged file is an error, not an empty value", (t) => {
  const file = new KeptFile(folder(t), "one");
  fs.writeFileSync(file.path, "{");
  assert.throws(() => file.load());
});
