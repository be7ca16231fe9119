"use strict";
// Registers the nodes: wa-session (configuration), wa in, wa out, wa status.

const { Session } = require("../lib/session");
const { Reader } = require("../lib/wa_in");
const { Sender } = require("../lib/wa_out");
const { StatusWatch } = require("../lib/wa_status");

module.exports = function (RED) {
  const said = (key, parameters) => RED._(key, parameters);

  function WaSession(config) {
    RED.nodes.createNode(this, config);
    const { user, password } = this.credentials ?? {};
    const folder = RED.settings.userDir ?? process.cwd();
    const { id } = this;
    const { broker, prefix, session } = config;
    if (!session || /[+#/]/.test(session)) {
      this.error((this.problem = said("whatsapp-mqtt.error.badSession")));
      return;
    }
    try {
      this.shared = new Session({ id, broker, user, password, prefix, session, folder }, said);
    } catch {
      this.error((this.problem = said("whatsapp-mqtt.error.badAddress", { address: broker })));
      return;
    }
    this.on("close", (done) => this.shared.close().then(() => done(), done));
  }

  /** Makes the node's part and attaches it; a fault is the node's mark and stops only this node. */
  function begin(node, config, make) {
    RED.nodes.createNode(node, config);
    const settings = RED.nodes.getNode(config.session);
    const fail = (text) => {
      node.status({ fill: "red", shape: "ring", text });
      node.error(text);
    };
    if (!settings?.shared) {
      fail(settings?.problem ?? said("whatsapp-mqtt.error.noSettings"));
      return null;
    }
    let part;
    try {
      part = make(settings.shared);
    } catch (error) {
      fail(said("whatsapp-mqtt.error.notStarted", { text: error.message }));
      return null;
    }
    node.on("close", (removed, done) => part.close(removed).then(() => done(), done));
    settings.shared.attach(part);
    return part;
  }

  function WaIn(config) {
    const reader = begin(this, config, (session) => new Reader(this, session, config, said));
    if (!reader) return;
    this.on("input", (msg, send, done) => {
      const known = msg.wa && reader.confirm(msg.wa);
      done(known || config.confirm !== "flow" ? undefined : new Error(said("whatsapp-mqtt.error.notHeld")));
    });
  }

  function WaOut(config) {
    const sender = begin(this, config, (session) => new Sender(this, session, config, said));
    if (!sender) return;
    this.on("input", (msg, send, done) => {
      sender.input(msg).then(
        () => done(),
        ({ key, parameters, message }) => {
          done(new Error(key ? said(`whatsapp-mqtt.error.${key}`, parameters) : message));
        },
      );
    });
  }

  function WaStatus(config) {
    begin(this, config, (session) => new StatusWatch(this, session));
  }

  RED.nodes.registerType("wa-session", WaSession, {
    credentials: { user: { type: "text" }, password: { type: "password" } },
  });
  RED.nodes.registerType("wa in", WaIn);
  RED.nodes.registerType("wa out", WaOut);
  RED.nodes.registerType("wa status", WaStatus);
};
