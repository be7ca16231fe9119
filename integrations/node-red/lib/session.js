"use strict";
// One session's connection, shared by the nodes that use it: subscriptions, the session's status, the nodes' marks.

const path = require("node:path");
const mqtt = require("mqtt");

const TICK = 1000;
const FIRST_STATUS = 5000; // time in which a bridge that runs is known by its retained status
const ABSENT = ["ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];
const UNREACHABLE = [...ABSENT, "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT"];
const REFUSED = [4, 5, 134, 135]; // CONNACK: bad user or password, not authorised, of MQTT 3.1.1 and 5
const GREEN = ["connected"];
const YELLOW = ["starting", "connecting", "authenticated", "pairing", "reconnecting", "stopped", "standby"];

/** Milliseconds after which a status means offline, whatever it says. */
const lifetime = (status) => 3000 * (status.interval ?? 15);

class Session {
  /** `translate(key, parameters)` gives a sentence. Throws where the address is none of a broker. */
  constructor({ id, broker, user, password, prefix, session, folder }, translate) {
    const url = addressOf(broker);
    this.address = url.host;
    this.topic = `${prefix || "wa"}/${session}`;
    this.folder = path.join(folder, "whatsapp-mqtt");
    // The shipped ACL lets each user read the replays of a reader that is named like it.
    const known = user || decodeURIComponent(url.username);
    this.reader = /^[\w-]+$/.test(known) ? known : "nodered";
    this.translate = translate;
    this.url = url.href;
    this.options = {
      ...(user ? { username: user, password } : {}),
      clientId: `nodered-${id}-${Math.random().toString(36).slice(2, 8)}`,
      clean: true, // the cursor says what is missing; a session kept at the broker would deliver it twice
      resubscribe: false,
      reconnectPeriod: 2000,
      reconnectOnConnackError: true,
      queueQoSZero: false,
      connectTimeout: 10000,
    };
    this.members = new Map(); // node: topics below `this.topic`
    this.client = null;
    this.status = null;
    this.freshUntil = 0;
    this.connectedAt = null;
    this.problem = null;
  }

  /**
   * `member`: {leaves, connected(), message(leaf, fields), tick(now), show(status)}. connected() follows each
   * subscription; show() gets {fill, shape, text} for the node's mark.
   */
  attach(member) {
    this.members.set(member, null);
    if (!this.client) this.#open();
    else if (this.client.connected) this.#subscribe([member]);
    this.#show(member);
  }

  detach(member) {
    this.members.delete(member);
  }

  /** Publishes with QoS 1 and returns true; false while the broker is not connected. */
  publish(leaf, payload) {
    if (!this.client?.connected) return false;
    this.client.publish(`${this.topic}/${leaf}`, JSON.stringify(payload), { qos: 1 }, (error) => {
      if (error && !this.client.disconnecting) this.#report(error);
    });
    return true;
  }

  /** The session's status; null while no bridge is known to publish it. */
  get online() {
    const known = this.client?.connected && this.status && this.status.state !== "offline";
    return known && Date.now() < this.freshUntil ? this.status : null;
  }

  async close() {
    clearInterval(this.timer);
    if (this.client) await this.client.endAsync(true);
  }

  #open() {
    this.client = mqtt.connect(this.url, this.options);
    this.client.on("connect", () => {
      this.problem = null;
      this.connectedAt = Date.now();
      this.status = null;
      this.#subscribe([...this.members.keys()]);
      this.#showAll();
    });
    this.client.on("close", () => {
      this.connectedAt = null;
      this.#showAll();
    });
    this.client.on("error", (error) => this.#report(error));
    this.client.on("message", (topic, payload, packet) => this.#message(topic, payload, packet));
    this.timer = setInterval(() => {
      const now = Date.now();
      for (const member of this.members.keys()) member.tick?.(now);
      this.#showAll();
    }, TICK);
  }

  #subscribe(members) {
    const leaves = new Set(["status", ...members.flatMap((member) => member.leaves)]);
    const topics = [...leaves].map((leaf) => `${this.topic}/${leaf}`);
    this.client.subscribe(topics, { qos: 1 }, (error, granted) => {
      if (error) return; // the connection was lost; the next one subscribes again
      if (granted?.some(({ qos }) => qos >= 128)) {
        this.problem = this.translate("whatsapp-mqtt.error.notAllowed", { topic: `${this.topic}/#` });
      }
      for (const member of members) if (this.members.has(member)) member.connected?.();
      this.#showAll();
    });
  }

  #message(topic, payload, packet) {
    if (!topic.startsWith(`${this.topic}/`) || !payload.length) return;
    const leaf = topic.slice(this.topic.length + 1);
    let fields;
    try {
      fields = JSON.parse(payload.toString());
    } catch {
      return; // the bridge publishes JSON only
    }
    if (fields === null || typeof fields !== "object") return;
    if (leaf === "status") {
      this.status = fields;
      // A retained status may be days old; one that arrives now is fresh whatever the clocks of the two machines say.
      const age = packet.retain ? Date.now() - Date.parse(fields.at) : 0;
      this.freshUntil = Date.now() + lifetime(fields) - age;
    }
    for (const member of this.members.keys()) member.message?.(leaf, fields);
    if (leaf === "status") this.#showAll();
  }

  #report(error) {
    const said = this.translate;
    if (REFUSED.includes(error.code)) this.problem = said("whatsapp-mqtt.error.refused", { address: this.address });
    else if (UNREACHABLE.includes(error.code)) {
      this.problem = said("whatsapp-mqtt.error.unreachable", { address: this.address });
    } else this.problem = said("whatsapp-mqtt.error.broker", { address: this.address, text: error.message });
    this.#showAll();
  }

  #showAll() {
    for (const member of this.members.keys()) this.#show(member);
  }

  /** Sets the node's mark where it changed. */
  #show(member) {
    const mark = this.#mark();
    const more = member.note?.();
    if (more) mark.text += `, ${more}`;
    const shown = JSON.stringify(mark);
    if (this.members.get(member) === shown) return;
    this.members.set(member, shown);
    member.show?.(mark);
  }

  #mark() {
    const said = this.translate;
    if (this.problem) return { fill: "red", shape: "ring", text: this.problem };
    if (!this.connectedAt) return { fill: "yellow", shape: "ring", text: said("whatsapp-mqtt.mark.connecting") };
    if (!this.status) {
      if (Date.now() < this.connectedAt + FIRST_STATUS) {
        return { fill: "yellow", shape: "ring", text: said("whatsapp-mqtt.mark.connecting") };
      }
      return { fill: "red", shape: "dot", text: said("whatsapp-mqtt.error.noSession", { topic: this.topic }) };
    }
    const { state, text } = this.status;
    if (state !== "offline" && !this.online) {
      return { fill: "red", shape: "dot", text: said("whatsapp-mqtt.error.silent") };
    }
    if (GREEN.includes(state)) return { fill: "green", shape: "dot", text: said("whatsapp-mqtt.mark.connected") };
    return { fill: YELLOW.includes(state) ? "yellow" : "red", shape: "dot", text };
  }
}

/** A URL of a broker; a host alone means mqtt://. */
function addressOf(text) {
  const given = String(text ?? "").trim();
  const url = new URL(given.includes("://") ? given : `mqtt://${given}`);
  if (!["mqtt:", "mqtts:", "ws:", "wss:"].includes(url.protocol) || !url.host) throw new TypeError("not a broker");
  return url;
}

module.exports = { Session };
