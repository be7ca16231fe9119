"use strict";
// `wa status`: a message for each change of the session's state, and the state's sentence as the node's mark.

class StatusWatch {
  constructor(node, session) {
    this.node = node;
    this.session = session;
    this.leaves = [];
    this.last = null;
  }

  message(leaf) {
    if (leaf === "status") this.tick();
  }

  /** Also without a message: a bridge that went silent is offline. */
  tick() {
    const { status } = this.session;
    if (!status || !this.session.client?.connected) return;
    const silent = status.state !== "offline" && !this.session.online;
    const state = silent ? "offline" : status.state;
    const reason = silent ? "bridge_gone" : status.reason;
    if (`${state} ${reason}` === this.last) return;
    this.last = `${state} ${reason}`;
    this.node.send({ topic: status.session, payload: state, reason, text: status.text, status });
  }

  show(mark) {
    // Of a working session too: the sentence is what this node is for.
    const text = mark.fill === "green" ? this.session.status?.text : mark.text;
    this.node.status({ ...mark, text: text ?? mark.text });
  }

  async close() {
    this.session.detach(this);
  }
}

module.exports = { StatusWatch };
