// The legacy bot-responder's way with its bridge, as a Node program: axios for its calls, express for its webhook.
//
// node axios_responder.js BRIDGE_URL PORT HISTORY: HISTORY is its database of what was said, one line of JSON each. It
// prints what happens as lines of JSON.
"use strict";

const fs = require("node:fs");
const axios = require("axios");
const express = require("express");

const [bridge, port, history] = process.argv.slice(2);
const callbackUrl = `http://localhost:${port}/api/message-received`;
const api = axios.create({ baseURL: bridge, proxy: false });
const print = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);

const lastOf = new Map();
if (fs.existsSync(history)) {
  for (const line of fs.readFileSync(history, "utf8").split("\n").filter(Boolean)) {
    const { from, body } = JSON.parse(line);
    lastOf.set(from, body);
  }
}

// Once it has succeeded it never registers again.
async function register() {
  try {
    const { data } = await api.post("/api/whatsapp/register-listener", { callbackUrl });
    print({ registered: data.totalListeners });
  } catch (error) {
    print({ refused: error.response?.status ?? error.code });
    setTimeout(register, Number(process.env.RETRY_MS ?? 10000));
  }
}

async function work({ from, body, type }) {
  if (type !== "chat" || !body.trim() || lastOf.get(from) === body) return; // a repetition gets no second answer
  lastOf.set(from, body);
  fs.appendFileSync(history, `${JSON.stringify({ from, body })}\n`);
  try {
    const { data } = await api.post("/api/whatsapp/send", { to: from, message: `Eco: ${body}` });
    print({ answered: body, success: data.success, status: data.status });
  } catch (error) {
    print({ failed: body, code: error.response?.status ?? error.code });
  }
}

const app = express();
app.use(express.json());
app.post("/api/message-received", async (request, response) => {
  print({ got: request.body.body, id: request.body.id, delivery: request.get("x-wa-delivery") });
  await new Promise((resolve) => setTimeout(resolve, Number(process.env.ANSWER_MS ?? 0)));
  response.json({ success: true, received: true });
  work(request.body);
});
app.listen(Number(port), register);

process.on("SIGTERM", async () => {
  try {
    await api.post("/api/whatsapp/unregister-listener", { callbackUrl });
    print({ unregistered: true });
  } finally {
    process.exit(0);
  }
});
