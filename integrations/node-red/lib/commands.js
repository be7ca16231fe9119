"use strict";
// The command that a message of a flow asks for.

const { randomUUID } = require("node:crypto");

const NAMES_ITS_CHAT = ["reaction", "edit", "revoke"]; // by the message that they are about
const REMEMBERED = 1000; // inbound messages whose answers are counted

/**
 * Ids of commands. Those of answers are made from the message: an answer that a restart repeats keeps its id, so it is
 * sent once. The second answer to the same message gets another id.
 */
class CommandIds {
  constructor(nodeId) {
    this.prefix = `nodered-${nodeId}-`;
    this.counts = new Map();
  }

  next(wa) {
    if (!wa?.epoch || !Number.isInteger(wa.seq)) return this.prefix + randomUUID();
    const position = `${wa.epoch}-${wa.seq}`;
    const count = (this.counts.get(position) ?? 0) + 1;
    this.counts.delete(position);
    this.counts.set(position, count);
    if (this.counts.size > REMEMBERED) this.counts.delete(this.counts.keys().next().value);
    return `${this.prefix}${position}-${count}`;
  }
}

/**
 * A command of the contract. `to`: payload.to, else the node's, else msg.to, else the chat of msg.wa.
 * Throws an error whose `key` names its sentence: noContent, noRecipient.
 */
function commandOf(msg, { to, ttl }, ids, now) {
  const { payload } = msg;
  const whole = typeof payload === "object";
  const nothing = payload === undefined || payload === null || payload === "";
  if (nothing || Array.isArray(payload) || Buffer.isBuffer(payload)) {
    throw problem("noContent");
  }
  const command = whole ? { ...payload } : { message: String(payload) };
  if (command.cancel) return command;
  if (!NAMES_ITS_CHAT.some((field) => field in command) || to || msg.to) {
    command.to ??= to || msg.to || msg.wa?.chat;
    if (!command.to) throw problem("noRecipient");
  }
  command.id ??= ids.next(msg.wa);
  // Counted from now, not from when the bridge gets it: after a night without broker yesterday's answers are not sent.
  const timed = ["ttl", "expires_at", "send_at"].some((field) => field in command);
  if (!timed && ttl > 0) command.expires_at = new Date(now + 1000 * ttl).toISOString();
  return command;
}

function problem(key) {
  return Object.assign(new Error(key), { key });
}

module.exports = { CommandIds, commandOf };
