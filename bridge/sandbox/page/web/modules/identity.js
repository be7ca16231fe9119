// Addresses and message keys.

import { randomBytes } from './random.js';
import { register } from '../registry.js';

const USER_SERVERS = ['c.us', 'lid', 'bot', 'hosted', 'hosted.lid'];

export class Wid {
  constructor(id) {
    const [user, server] = id.split('@');
    if (!server) throw new Error(`wid error: invalid wid ${id}`);
    [this.user] = user.split(':');
    this.server = server === 's.whatsapp.net' ? 'c.us' : server;
    this._serialized = `${this.user}@${this.server}`;
  }

  toString() {
    return this._serialized;
  }

  toJSON() {
    return this._serialized;
  }

  toJid() {
    return this._serialized.replace(/@c\.us$/, '@s.whatsapp.net');
  }

  equals(other) {
    return other instanceof Wid && other._serialized === this._serialized;
  }

  isSameAccount(other) {
    return this.equals(other);
  }

  isUser() {
    return USER_SERVERS.includes(this.server);
  }

  isLid() {
    return this.server === 'lid' || this.server === 'hosted.lid';
  }

  isGroup() {
    return this.server === 'g.us';
  }

  isGroupCall() {
    return false;
  }

  isBot() {
    return this.server === 'bot';
  }

  isNewsletter() {
    return this.server === 'newsletter';
  }

  isBroadcast() {
    return this.server === 'broadcast';
  }

  isStatus() {
    return this._serialized === 'status@broadcast';
  }

  isStatusV3() {
    return this.isStatus();
  }

  isPSA() {
    return this._serialized === '0@c.us';
  }

  isServer() {
    return this.server === 'server';
  }

  static isXWid(server, wid) {
    return isWid(wid) && wid.toString().endsWith(`@${server}`);
  }

  static isWid(wid) {
    return isWid(wid);
  }
}

function isWid(wid) {
  return wid instanceof Wid || (typeof wid === 'string' && /^[^@]+@[a-z.]+$/.test(wid));
}

for (const name of ['isUser', 'isLid', 'isGroup', 'isBroadcast', 'isStatus', 'isStatusV3', 'isPSA', 'isServer']) {
  Wid[name] = (wid) => isWid(wid) && createWid(wid)[name]();
}

export function createWid(id) {
  return id instanceof Wid ? id : new Wid(id);
}

// `user` may be a whole address already.
function createUserWid(user, server = 'c.us') {
  return createWid(user.includes('@') ? user : `${user}@${server}`);
}

// The field with a key's text: WhatsApp >= 2.3000.1042401057 minifies its name. wa-js reads it from toString's source.
const minified = document.documentElement.dataset.keys === 'minified';
const TEXT = minified ? '$1' : '_serialized';

export class MsgKey {
  constructor(fields) {
    if (!fields) throw new Error('MsgKey error: obj is null/undefined');
    this.fromMe = fields.fromMe ?? fields.selfDir === 'out';
    this.remote = createWid(fields.remote ?? (this.fromMe ? fields.to : fields.from));
    this.id = fields.id;
    if (fields.participant) this.participant = createWid(fields.participant);
    this[TEXT] = [this.fromMe, this.remote, this.id, this.participant].filter((p) => p !== undefined).join('_');
  }

  clone() {
    return new MsgKey(this);
  }

  equals(other) {
    return other instanceof MsgKey && other.toString() === this.toString();
  }

  static fromString(text) {
    const [fromMe, remote, id, participant] = text.split('_');
    if (!/^(true|false)$/.test(fromMe) || !id) throw new Error(`MsgKey error: invalid key ${text}`);
    return new MsgKey({ fromMe: fromMe === 'true', remote, id, participant });
  }
}

MsgKey.prototype.toString = minified
  ? function () { return this.$1; }
  : function () { return this._serialized; };

// Called without `this`. Asynchronous, as the real one.
MsgKey.newId = async () => `3EB0${[...randomBytes(9)].map((b) => b.toString(16).padStart(2, '0')).join('').toUpperCase()}`;

register({
  WAWebWid: { default: Wid },
  WAWebWidFactory: {
    createWid,
    createUserWid,
    createUserWidOrThrow: createUserWid,
    asUserWidOrThrow: createWid,
    createWidFromWidLike: (like) => createWid(like._serialized ?? like),
    isWidlike: (like) => like instanceof Wid || (typeof like === 'object' && isWid(like?._serialized)),
    toChatWid: createWid,
    toUserWidOrThrow: createWid,
  },
  WAWebMsgKey: { default: MsgKey },
});
