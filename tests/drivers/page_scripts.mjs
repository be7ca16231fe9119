// Runs the page's scripts of the kinds on recorded models, without a browser: JSON in, JSON out.
// In: {folder, variants, golden: {kind: {received, sent}}}; out: {kind: {received: [content], sent: [[call, ...arguments]]}}.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

const { folder, variants, golden } = JSON.parse(readFileSync(0, "utf8"));
const calls = [];
const record = (_, name) => (...args) => calls.push([name, ...args]);
const context = vm.createContext({ atob, variants, WPP: { chat: new Proxy({}, { get: record }) } });
const text = (...names) => readFileSync(join(folder, ...names), "utf8");
const kinds = readdirSync(join(folder, "kinds")).sort().map((name) => `{\n${text("kinds", name)}}`);
const script = [text("registry.js"), text("models.js"), text("files.js"), ...kinds].join("\n");
const { contentOf, senders } = vm.runInContext(`${script}\n({ contentOf, senders })`, context);

const answer = {};
for (const [kind, { received = [], sent = [] }] of Object.entries(golden)) {
  calls.length = 0;
  for (const { value } of sent.filter(({ call }) => call)) senders[kind]("<chat>", value, {});
  answer[kind] = { received: received.map(({ model }) => contentOf(model)), sent: [...calls] };
}
process.stdout.write(JSON.stringify(answer));
