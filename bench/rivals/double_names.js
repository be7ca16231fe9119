// What whatsapp-web.js asks of WhatsApp Web and the sandbox's page does not have. Runs in the page, before its scripts.
//
// The sandbox has the modules that wa-js needs. whatsapp-web.js finds the same stores under names of its own; they are
// registered here as names of what the page has, and as empty where a text needs nothing of them.

'use strict';

exports.nameModules = () => {
  const empty = { on() {}, get() {}, getModelsArray: () => [] };
  const register = (require, define) => {
    const add = (id, exports) => define(id, [], () => exports);
    add('WAWebCollections', {
      Msg: require('WAWebMsgCollection').MsgCollection,
      Chat: require('WAWebChatCollection').ChatCollection,
      Contact: require('WAWebContactCollection').ContactCollection,
      WAWebNewsletterCollection: empty,
    });
    const found = require('WAWebFindChatAction');
    const { findOrCreateLatestChat } = found;
    found.findOrCreateLatestChat = async (wid) => {
      const { chat } = await findOrCreateLatestChat(wid); // its id alone, here
      return { chat: require('WAWebChatCollection').ChatCollection.get(chat.id) };
    };
    add('WAWebOfflineHandler', { OfflineMessageHandler: { getOfflineDeliveryProgress: () => 100 } });
    add('WABase64', { encodeB64: (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))) });
    add('WAWebUserPrefsMultiDevice', { getADVSecretKey: () => 'AAAA' });
    add('WAWebCompanionRegClientUtils', { DEVICE_PLATFORM: '1' });
    add('WAWebAdvSignatureApi', {});
    add('WAWebSyncGatingUtils', {});
    add('WALinkify', { findLink: () => null, findLinks: () => [] });
    add('WAWebBizGatingUtils', { smaxProductMessagesEnabled: () => false });
    require('WAWebCallCollection').current = new Map(); // the first Map in it is taken for the calls
    Object.assign(require('WAWebChatGetters'), { getIsNewsletter: () => false, getIsBroadcast: () => false });
  };
  // The page defines `require` last, when all of its own modules are there.
  let page;
  Object.defineProperty(window, 'require', {
    configurable: true,
    get: () => page,
    set(require) {
      page = require;
      register(require, window.__d);
    },
  });
};
