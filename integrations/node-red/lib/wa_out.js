"use strict";
// `wa out`: keeps each command on disk until the bridge says what became of it, and repeats its id until then.

const { KeptFile } = require("./kept_file");
const { CommandIds, commandOf } = require("./commands");

const SILENCE = 5000; // after which a command without an answer is repeated, at first
const LONGEST_SILENCE = 30000;
const MOST = 1000; // commands that wait
const REMEMBERED = 1000; // messages of the flow whose ticks may still come
const FINAL = ["sent", "failed", "unknown"];

class Sender {
  constructor(node, session, config, translate) {
    this.node = node;
    this.session = session;
    this.translate = translate;
    this.settings = { to: config.to, ttl: Number(config.ttl) };
    this.ids = new CommandIds(node.id);
    this.file = new KeptFile(session.folder, `out-${node.id}`);
    /** By id: {command, epoch} as on disk; `repeatAt` and `pause` are of this run. */
    const kept = this.file.load() ?? [];
    this.waiting = new Map(kept.map((one) => [one.command.id, { ...one, repeatAt: 0, pause: SILENCE }]));
    this.messages = new Map();
    this.away = true;
    this.leaves = ["result", "ack"];
  }

  /** Resolves once the command is on disk. Rejects with a sentence where it cannot be kept. */
  async input(msg) {
    const command = commandOf(msg, this.settings, this.ids, Date.now());
    if (command.cancel) {
      if (!this.session.online || !this.session.publish("out", command)) throw this.#problem("notCancelled");
      return;
    }
    if (this.waiting.size >= MOST) throw this.#problem("tooMany", { count: MOST });
    if (!this.waiting.has(command.id)) {
      this.waiting.set(command.id, { command, epoch: null, repeatAt: 0, pause: SILENCE });
    }
    this.#remember(command.id, msg);
    try {
      await this.#keep();
    } catch (error) {
      this.waiting.delete(command.id);
      throw this.#problem("notWritten", { path: this.file.path, text: error.message });
    }
    this.tick(Date.now());
  }

  connected() {
    this.#again();
  }

  message(leaf, fields) {
    if (leaf === "status") {
      const away = fields.state === "offline";
      if (this.away && !away) this.#again();
      this.away = away;
      this.tick(Date.now());
    } else if (leaf === "ack" && this.#mine(fields.id)) this.#emit(1, fields);
    else if (leaf === "result") this.#result(fields);
  }

  tick(now) {
    const { epoch } = this.session.online ?? {};
    if (!epoch) return; // what no bridge takes waits here, on disk
    for (const [id, one] of this.waiting) {
      if (one.repeatAt > now) continue;
      if (one.epoch && one.epoch !== epoch) {
        // The store that may have sent it is gone, and the new one would send it again.
        this.#end(id, { id, status: "unknown", to: one.command.to, error: null });
        continue;
      }
      if (!one.epoch) {
        one.epoch = epoch;
        this.#keep().catch((error) => this.node.error(error.message));
      }
      this.session.publish("out", one.command);
      one.repeatAt = now + one.pause;
      one.pause = Math.min(2 * one.pause, LONGEST_SILENCE);
    }
  }

  show(mark) {
    this.node.status(mark);
  }

  note() {
    return this.waiting.size ? this.translate("whatsapp-mqtt.mark.waiting", { count: this.waiting.size }) : "";
  }

  async close(removed) {
    this.session.detach(this);
    await (removed ? this.file.remove() : this.file.settled());
  }

  #result(result) {
    const one = this.waiting.get(result.id);
    if (!FINAL.includes(result.status)) {
      if (one) one.repeatAt = Date.now() + LONGEST_SILENCE;
    } else if (one) this.#end(result.id, result);
    // `unknown` may become `sent` later; a final result that is repeated says nothing new.
    else if (result.status === "sent" && this.messages.get(result.id)?.status === "unknown") this.#emit(0, result);
  }

  #end(id, result) {
    this.waiting.delete(id);
    this.#keep().catch((error) => this.node.error(error.message)); // asked again after a restart, and answered alike
    this.#emit(0, result);
  }

  #emit(output, fields) {
    const remembered = this.messages.get(fields.id);
    if (remembered && output === 0) remembered.status = fields.status;
    const msg = { ...remembered?.msg, payload: fields };
    this.node.send(output === 0 ? [msg, null] : [null, msg]);
  }

  #mine(id) {
    return this.messages.has(id) || this.waiting.has(id) || String(id).startsWith(this.ids.prefix);
  }

  /** Without its payload, which may be a whole file. */
  #remember(id, { payload, ...msg }) {
    this.messages.delete(id);
    this.messages.set(id, { msg, status: null });
    if (this.messages.size > REMEMBERED) this.messages.delete(this.messages.keys().next().value);
  }

  #again() {
    for (const one of this.waiting.values()) Object.assign(one, { repeatAt: 0, pause: SILENCE });
  }

  #keep() {
    return this.file.save([...this.waiting.values()].map(({ command, epoch }) => ({ command, epoch })));
  }

  #problem(key, parameters) {
    return Object.assign(new Error(key), { key, parameters });
  }
}

module.exports = { Sender };
