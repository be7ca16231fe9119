// Runs the page's queue without a browser, on a clock of its own. In: the path of queue.js; out: what left in each scenario,
// as [milliseconds, [ack levels of one batch]].

import { readFileSync } from "node:fs";
import vm from "node:vm";

const text = readFileSync(readFileSync(0, "utf8"), "utf8");

async function run(scenario) {
  let now = 0;
  let timers = [];
  const left = [];
  const context = vm.createContext({
    usable: () => true,
    memory: () => [],
    storedMessage: () => undefined,
    refusalOf: async () => undefined,
    keyParts: (id) => ({ id }),
    serviceTime: () => 0,
    setTimeout: (call, ms) => timers.push({ call, at: now + ms, number: timers.length }) && timers.at(-1),
    clearTimeout: (timer) => { timers = timers.filter((one) => one !== timer); },
  });
  const queue = vm.runInContext(`${text}\n({ resume, next, putAck, noteAnswered, sending, holds: () => holds })`, context);
  const take = async (confirmed) => {
    const { number, items } = JSON.parse(await queue.next(confirmed));
    left.push([now, items.map(({ level }) => level)]);
    await take(number);
  };
  queue.resume(queue.holds());
  void take(null);
  const until = async (end) => {
    for (;;) {
      for (let turn = 0; turn < 20; turn += 1) await null;
      const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      timers = timers.filter((one) => one !== due);
      now = due.at;
      due.call();
    }
    now = end;
  };
  await scenario(queue, until);
  await until(now + 1000);
  return left;
}

const scenarios = {
  async answered(queue, until) {
    queue.sending.add("A");
    await until(50);
    queue.noteAnswered("A");
    queue.sending.delete("A");
    queue.putAck("A", 1);
    await until(90);
    queue.putAck("A", 2);
    queue.putAck("A", 3);
  },
  async pending(queue, until) {
    queue.sending.add("A");
    await until(50);
    queue.sending.delete("A"); // its answer did not say that the service has it
    queue.putAck("A", 1);
    await until(90);
    queue.putAck("A", 2);
  },
};

const answer = {};
for (const [name, scenario] of Object.entries(scenarios)) answer[name] = await run(scenario);
process.stdout.write(JSON.stringify(answer));
