// wppconnect: `create`, `onMessage`, `sendText`, with its defaults apart from the browser and the page's address.

'use strict';

const { puppeteerConfig } = require('@wppconnect-team/wppconnect/dist/config/puppeteer.config');
const { create, defaultLogger } = require('@wppconnect-team/wppconnect');

// Resolves when messages can be sent and arrive. `url` is the page's, instead of the real site's.
exports.open = async ({ url, folder, launch: { headless, args, ...others } }, onMessage) => {
  puppeteerConfig.whatsappUrl = url;
  defaultLogger.level = 'error'; // by default it writes a line for each event
  const client = await create({
    session: 'haby',
    folderNameToken: folder,
    headless,
    useChrome: false,
    browserArgs: [...puppeteerConfig.chromiumArgs, ...args],
    puppeteerOptions: others,
    whatsappVersion: '', // the page as it is served, not a stored copy of the real one
    disableWelcome: true,
    updatesLog: false,
    logQR: false,
    autoClose: 0,
  });
  client.onMessage((message) =>
    onMessage({
      from: message.from,
      body: message.body,
      timestamp: message.timestamp,
      type: message.type,
      id: message.id,
    }));
  return { send: (to, text) => client.sendText(to, text), close: () => client.close() };
};
