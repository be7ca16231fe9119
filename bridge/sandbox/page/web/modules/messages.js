// Messages: model, store, reads from the device's database, receipts.

import { socket } from '../socket.js';
import { BaseCollection, Model } from '../model.js';
import { register, use } from '../registry.js';
import { createWid, MsgKey, Wid } from './identity.js';

export class Msg extends Model {
  constructor(fields) {
    super({ isNewMsg: false, isMdHistoryMsg: false, isSendFailure: false, ...fields });
  }

  get sender() {
    return this.author ?? this.from;
  }

  get isSentByMe() {
    return this.id.fromMe;
  }

  get senderObj() {
    return { isMe: this.id.fromMe };
  }

  get isStatusV3() {
    return this.id.remote.isStatusV3();
  }

  updateAck(ack) {
    this.ack = ack;
  }

  // The fields of this message that a reply to it carries.
  msgContextInfo() {
    return {
      quotedStanzaID: this.id.id,
      quotedParticipant: this.sender,
      quotedMsg: { type: this.type, body: this.body },
    };
  }
}
Msg.prototype.proxyName = 'msg';

// The messages of one chat that are in memory; earlier ones are loaded on request.
export class ChatMsgsCollection extends BaseCollection {
  constructor() {
    super(Msg);
    this.msgLoadState = { noEarlierMsgs: false, isLoadingEarlierMsgs: false };
  }
}

class MsgCollectionImpl extends BaseCollection {
  constructor() {
    super(Msg);
  }

  // All arriving messages pass through here; wa-js replaces this function to see them first.
  async processMultipleMessages(chatId, records) {
    const { ChatCollection } = use('WAWebChatCollection');
    if (records.every(({ type }) => type === 'protocol')) return []; // changes a message, adds none
    return records.map((record) => ChatCollection.assertGet(chatId).takeIn(this.add(record)));
  }

  hasSynced() {
    return true;
  }
}
export const MsgCollection = new MsgCollectionImpl();

// A database record in the form of the page's model.
export function inflate(record) {
  const raw = { ...record, id: MsgKey.fromString(record.id) };
  for (const name of ['from', 'to', 'author', 'quotedParticipant']) {
    if (raw[name]) raw[name] = createWid(raw[name]);
  }
  for (const name of ['latestEditMsgKey', 'protocolMessageKey']) {
    if (raw[name]) raw[name] = MsgKey.fromString(raw[name]);
  }
  for (const name of ['mentionedJidList', 'recipients']) {
    if (raw[name]) raw[name] = raw[name].map(createWid);
  }
  // Text that JSON cannot represent, such as half of an emoji.
  if (raw.bodyUnits) raw.body = String.fromCharCode(...raw.bodyUnits);
  return raw;
}

// A model's fields in the form of the database: addresses and keys as text.
export function flatten(value) {
  if (value instanceof Wid || value instanceof MsgKey) return value.toString();
  if (Array.isArray(value)) return value.map(flatten);
  if (value instanceof Model) return flatten(value.attributes);
  if (value?.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, flatten(field)]));
}

async function msgFindByDirection({ anchor, count, direction }) {
  const records = await socket.database('find', {
    anchor: anchor.toString(),
    count: Number.isFinite(count) ? count : null,
    before: direction !== 'after',
  });
  return records ? { status: 200, messages: records.map(inflate) } : { status: 404, messages: [] };
}

// One message from the database, with the promise that wa-js awaits. One parameter: wa-js counts them.
function getSearchContext({ chat, msgKey }) {
  const collection = new ChatMsgsCollection();
  collection.loadAroundPromise = socket.database('around', { key: msgKey.toString() }).then((records) => {
    for (const record of records) {
      const msg = MsgCollection.add(inflate(record));
      chat.msgs.add(msg);
      collection.add(msg);
    }
  });
  return { collection, key: msgKey, highlightMsg: true };
}

// A message's overall ack: in a group the lowest of its members, computed by the service.
async function takeReceipt({ externalIds, from, ack, total }) {
  for (const id of externalIds) {
    const own = MsgCollection.findFirst((msg) => msg.id.fromMe && msg.id.id === id && msg.id.remote.equals(from));
    if (own && own.ack < (total ?? ack)) own.ack = total ?? ack;
  }
}

function getQuotedMsgObj(msg) {
  if (!msg.quotedStanzaID) return undefined;
  const author = msg.quotedParticipant;
  const group = msg.id.remote.isGroup();
  const fromMe = use('WAWebUserPrefsMeUser').getMaybeMePnUser().equals(author) ||
    use('WAWebUserPrefsMeUser').getMaybeMeLidUser().equals(author);
  const id = new MsgKey({ fromMe, remote: msg.id.remote, id: msg.quotedStanzaID, participant: group ? author : undefined });
  return MsgCollection.get(id) ?? new Msg({ ...msg.quotedMsg, id, from: author, author: group ? author : undefined });
}

const ACK = {
  MD_DOWNGRADE: -7, INACTIVE: -6, CONTENT_UNUPLOADABLE: -5, CONTENT_TOO_BIG: -4, CONTENT_GONE: -3, EXPIRED: -2,
  FAILED: -1, CLOCK: 0, SENT: 1, RECEIVED: 2, READ: 3, PLAYED: 4, PEER: 5,
};
const ACK_STRING = {
  SENDER: 'sender', DELIVERY: 'delivery', READ: 'read', PLAYED: 'played', INACTIVE: 'inactive',
  READ_SELF: 'read-self', PLAYED_SELF: 'played-self',
};

register({
  WAWebMsgModel: { Msg },
  WAWebMsgType: { MSG_TYPE: { CHAT: 'chat', REVOKED: 'revoked', CALL_LOG: 'call_log', PROTOCOL: 'protocol' } },
  WAWebMsgCollection: { MsgCollection, MsgCollectionImpl },
  WAWebChatMsgsCollection: { ChatMsgsCollection },
  WAWebAck: { ACK, ACK_STRING, EDIT_ATTR: { SENDER_REVOKE: 7, ADMIN_REVOKE: 8 } },
  WAWebDBMessageFindLocal: {
    msgFindByDirection,
    msgFindBefore: (query) => msgFindByDirection({ ...query, direction: 'before' }),
    msgFindAfter: (query) => msgFindByDirection({ ...query, direction: 'after' }),
    msgFindCallLog: async () => ({ status: 200, messages: [] }),
  },
  WAWebMsgSearchContext: { getSearchContext },
  WAWebHandleChatReceipt: { handleChatSimpleReceipt: takeReceipt },
  WAWebHandleGroupReceipt: { handleGroupSimpleReceipt: takeReceipt },
  WAWebHandleStatusReceipt: { handleStatusSimpleReceipt: takeReceipt },
  WAWebQuotedMsgModelUtils: { getQuotedMsgObj },
  WAWebMsgReply: { canReplyMsg: (msg) => msg.ack !== ACK.FAILED },
});
