"use strict";
// `wa in`: passes on each message once, in order, also what arrived while Node-RED was down.

const { randomUUID } = require("node:crypto");
const { KeptFile } = require("./kept_file");
const { MessageStream } = require("./stream");
const { filter } = require("./filter");

const UNCONFIRMED = 1000; // messages that a flow may hold without confirming them

/** What stands between a session and the flow: the stream, the cursor on disk, and what the flow has not confirmed. */
class Reader {
  constructor(node, session, config, translate) {
    this.node = node;
    this.session = session;
    this.translate = translate;
    this.passes = filter(config);
    this.byFlow = config.confirm === "flow";
    this.file = new KeptFile(session.folder, `in-${node.id}`);
    const cursor = this.file.load();
    const start = config.start === "oldest" ? "oldest" : "now";
    this.stream = new MessageStream({ reader: session.reader, cursor, start, newId: randomUUID });
    this.kept = JSON.stringify(cursor);
    this.held = []; // cursors of messages that the flow has not confirmed, and of those that followed
    this.skipped = false;
    this.replays = `replay/${session.reader}`;
    this.leaves = ["in", this.replays];
    this.unanswered = 0;
    this.unwritten = false;
  }

  connected() {
    this.unanswered = 0;
    this.stream.resubscribed(Date.now());
    this.#move();
  }

  message(leaf, fields) {
    const now = Date.now();
    if (leaf === "status") {
      const away = fields.state === "offline";
      this.stream.takeStatus({ epoch: fields.epoch, newest: fields.last_seq ?? 0, away }, now);
    } else if (leaf === this.replays && fields.done === true) {
      this.unanswered = 0;
      this.stream.takeEnd(fields, now);
    } else if (this.leaves.includes(leaf) && typeof fields.epoch === "string" && Number.isInteger(fields.seq)) {
      if (this.#full()) this.skipped = true;
      else this.stream.take(fields, now, { replayed: leaf === this.replays });
    } else return;
    this.#move();
  }

  tick() {
    this.#move();
  }

  show(mark) {
    this.node.status(mark);
  }

  note() {
    if (this.#full()) return this.translate("whatsapp-mqtt.mark.unconfirmed", { count: this.#unconfirmed() });
    if (this.unanswered > 2) return this.translate("whatsapp-mqtt.error.noReplay", { reader: this.session.reader });
    return "";
  }

  /** The flow has finished with a message; the cursor follows the oldest one that it has not. */
  confirm({ epoch, seq }) {
    const one = this.held.find((held) => held.epoch === epoch && held.seq === seq);
    if (!one) return false;
    one.open = false;
    if (this.skipped && !this.#full()) {
      this.skipped = false;
      this.stream.resubscribed(Date.now());
    }
    this.#move();
    return true;
  }

  async close(removed) {
    this.session.detach(this);
    await (removed ? this.file.remove() : this.file.settled());
  }

  #unconfirmed() {
    return this.held.filter((held) => held.open).length;
  }

  #full() {
    return this.byFlow && this.held.length >= UNCONFIRMED;
  }

  #move() {
    for (let item; !this.#full() && (item = this.stream.pop()); ) {
      if (item.gap) this.node.warn(this.translate(`whatsapp-mqtt.gap.${item.gap.reason}`));
      else this.#hand(item.message);
    }
    const request = this.#full() ? null : this.stream.request(Date.now());
    if (request && this.session.publish("replay", request)) this.unanswered += 1;
    this.#keep();
  }

  #hand(message) {
    const passes = this.passes(message);
    if (this.byFlow) this.held.push({ epoch: message.epoch, seq: message.seq, open: passes });
    if (passes) this.node.send({ topic: message.chat, payload: message.body ?? "", wa: message });
  }

  /** Writes the cursor down, after the messages before it were handed to the flow. */
  #keep() {
    let cursor = this.stream.ready.length ? null : this.stream.cursor;
    if (this.byFlow) {
      while (this.held.length && !this.held[0].open) cursor = this.held.shift();
      if (this.held.length) cursor = cursorBefore(this.held[0]);
    }
    if (!cursor) return;
    const { epoch, seq } = cursor;
    const text = JSON.stringify({ epoch, seq });
    if (text === this.kept) return;
    this.kept = text;
    this.file.save({ epoch, seq }).then(
      () => (this.unwritten = false),
      (error) => {
        this.kept = null; // written again with the next tick
        if (this.unwritten) return;
        this.unwritten = true;
        const { path } = this.file;
        this.node.error(this.translate("whatsapp-mqtt.error.notWritten", { path, text: error.message }));
      },
    );
  }
}

const cursorBefore = ({ epoch, seq }) => ({ epoch, seq: seq - 1 });

module.exports = { Reader };
