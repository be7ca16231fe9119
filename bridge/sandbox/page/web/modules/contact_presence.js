// What the account sees of contacts: online, offline, typing. The service sends it to a page that asked, and is online itself.

import { socket } from '../socket.js';
import { BaseCollection, Model } from '../model.js';
import { register } from '../registry.js';
import { createWid } from './identity.js';

class Chatstate extends Model {}
Chatstate.prototype.proxyName = 'chatstate';

class Presence extends Model {
  constructor(fields) {
    super({ isOnline: false, hasData: false, isSubscribed: false, ...fields });
    this.chatstate = new Chatstate({ id: this.id, type: undefined });
    // a child's events reach the collection under the child's name
    this.chatstate.on('change:type', (...args) => this.trigger('change:chatstate.type', ...args));
  }

  get isUser() {
    return this.id.isUser();
  }

  get isGroup() {
    return this.id.isGroup();
  }

  subscribe() {
    return PresenceCollection.find(this.id);
  }
}
Presence.prototype.proxyName = 'presence';

class PresenceCollectionImpl extends BaseCollection {
  constructor() {
    super(Presence);
  }

  async find(id) {
    return this.gadd(createWid(id));
  }
}
export const PresenceCollection = new PresenceCollectionImpl();

const subscribeUserPresence = (wid) => socket.service('follow', { address: wid.toString() });

// The page shows it at the address under which it knows the person.
export function takePresence({ pn, lid, type, t }) {
  for (const address of [pn, lid]) {
    const presence = address && PresenceCollection.get(address);
    if (!presence) continue;
    presence.hasData = true;
    presence.isOnline = type !== 'unavailable';
    presence.chatstate.set({ t: t ?? undefined, type });
  }
}

register({
  WAWebPresenceModel: { Presence, Chatstate },
  WAWebPresenceCollection: { PresenceCollection },
  WAWebContactPresenceBridge: { subscribeUserPresence, subscribeGroupPresence() {} },
});
