// whatsapp-web.js as a legacy installation uses it: a client, its `message` event, `sendMessage`.

'use strict';

const path = require('node:path');
const constants = require('whatsapp-web.js/src/util/Constants');
const { nameModules } = require('./double_names.js');

// Resolves when messages can be sent and arrive. `url` is the page's, instead of the real site's.
exports.open = ({ url, folder, launch }, onMessage) => {
  constants.WhatsWebURL = url; // before the client reads it
  const { Client, LocalAuth } = require('whatsapp-web.js');
  const client = new Client({
    authStrategy: new LocalAuth({ dataPath: path.join(folder, 'whatsapp-web.js') }),
    webVersionCache: { type: 'none' },
    evalOnNewDoc: nameModules,
    bypassCSP: true,
    puppeteer: launch,
  });
  client.on('message', (message) =>
    onMessage({
      from: message.from,
      body: message.body,
      timestamp: message.timestamp,
      type: message.type,
      id: message.id._serialized,
    }));
  return new Promise((resolve, reject) => {
    client.on('ready', () =>
      resolve({
        send: (to, text) => client.sendMessage(to, text, { waitUntilMsgSent: true }),
        close: () => client.destroy(),
      }));
    client.initialize().catch(reject);
  });
};
