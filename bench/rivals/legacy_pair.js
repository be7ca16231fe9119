// The legacy shape around a WhatsApp library: Express, webhooks in memory, one POST for each message and listener.
//
//   node legacy_pair.js whatsapp_web_js|wppconnect URL FOLDER BROWSER DEBUGGING_PORT
//
// Prints its port as a JSON line at once, and another line when the library can send. As the old service did, it posts to one
// listener after the other, once, with a limit of 5 s, and keeps nothing. Ends with SIGTERM.

'use strict';

const axios = require('axios');
const express = require('express');

const LIMIT_MS = 5000;
const [library, url, folder, executablePath, debuggingPort] = process.argv.slice(2);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const listeners = new Set();
let client;

async function notify(message) {
  for (const callbackUrl of listeners) {
    await axios.post(callbackUrl, message, { timeout: LIMIT_MS, proxy: false }).catch(() => {});
  }
}

const app = express();
app.use(express.json());
app.post('/api/whatsapp/register-listener', (request, response) => {
  listeners.add(request.body.callbackUrl);
  response.json({ success: true, totalListeners: listeners.size });
});
app.post('/api/whatsapp/unregister-listener', (request, response) => {
  listeners.delete(request.body.callbackUrl);
  response.json({ success: true, totalListeners: listeners.size });
});
app.post('/api/whatsapp/send', async (request, response) => {
  const { to, message } = request.body; // `to` is a whole address here
  try {
    await client.send(to, message);
    response.json({ success: true, to });
  } catch (error) {
    response.status(500).json({ error: 'Error enviando mensaje', details: String(error?.message ?? error) });
  }
});
const server = app.listen(0, '127.0.0.1', () => say({ port: server.address().port }));

const launch = {
  headless: 'shell',
  executablePath,
  handleSIGTERM: false, // puppeteer would kill the browser, and a new login with it
  args: [
    '--no-sandbox',
    `--remote-debugging-port=${debuggingPort}`,
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', // nothing reaches the real site
  ],
};
require(`./${library}.js`).open({ url, folder, launch }, notify).then((opened) => {
  client = opened;
  say({ ready: true });
});

process.on('SIGTERM', async () => {
  await client?.close().catch(() => {});
  process.exit();
});
