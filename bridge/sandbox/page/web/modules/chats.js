// Chats.

import { socket } from '../socket.js';
import { BaseCollection, Model } from '../model.js';
import { register } from '../registry.js';
import { takeMarks } from './chat_marks.js';
import { PresenceCollection } from './contact_presence.js';
import { getCurrentLid, otherAddress, queryWidExists } from './contacts.js';
import { describeGroup } from './groups.js';
import { createWid, MsgKey } from './identity.js';
import { ChatMsgsCollection, inflate, MsgCollection } from './messages.js';

// Messages per chat in memory; the database has the rest. So a page that is open for months does not grow.
const MAX_MESSAGES = 500;

export class Chat extends Model {
  msgs = new ChatMsgsCollection();
  promises = {};
  isParentGroup = false;

  // As the page's screen does for what it shows.
  get presence() {
    return PresenceCollection.gadd(this.id);
  }

  // A message that is new to this page.
  takeIn(msg) {
    this.msgs.add(msg);
    this.set({ t: msg.t, lastReceivedKey: msg.id });
    if (!msg.id.fromMe && msg.type !== 'gp2') this.unreadCount = Math.max(this.unreadCount, 0) + 1;
    if (this.msgs.length > MAX_MESSAGES) {
      const { oldest } = this.msgs;
      this.msgs.remove(oldest);
      MsgCollection.remove(oldest);
    }
    return msg;
  }
}
Chat.prototype.proxyName = 'chat';

class ChatCollectionImpl extends BaseCollection {
  constructor() {
    super(Chat);
  }

  // Newest first, as the list on the screen.
  getModelsArray() {
    return super.getModelsArray().sort((a, b) => (b.t ?? 0) - (a.t ?? 0));
  }
}
export const ChatCollection = new ChatCollectionImpl();

// Adds or updates a chat from its database record.
export function addChat(record) {
  const fields = {
    id: createWid(record.id),
    name: record.name,
    formattedTitle: record.name,
    t: record.t ?? undefined,
    unreadCount: record.unreadCount,
    lastReceivedKey: record.lastReceivedKey ? MsgKey.fromString(record.lastReceivedKey) : undefined,
  };
  const known = ChatCollection.get(record.id);
  const chat = known ? known.set(fields) : new Chat(fields);
  takeMarks(chat, record);
  for (const message of record.msgs ?? []) chat.msgs.add(MsgCollection.add(inflate(message)));
  if (chat.id.isGroup()) describeGroup(chat, record);
  return ChatCollection.add(chat);
}

const existing = (wid) => ChatCollection.get(wid) ?? ChatCollection.get(otherAddress(wid));

let migrated = false;
export const setMigrated = (value) => {
  migrated = value;
};

async function findOrCreateLatestChat(wid) {
  const known = existing(wid);
  // A migrated account makes chats under the LID only.
  if (!known && migrated && wid.isUser()) {
    if (!getCurrentLid(wid)) await queryWidExists(wid);
    if (!getCurrentLid(wid)) throw new Error('No LID for user');
  }
  const chat = known ?? addChat(await socket.database('open_chat', { address: wid.toString() }));
  return { chat: { id: chat.id }, created: !known };
}

// Requests of this device to the phone. Type 3: older messages of a chat.
async function sendPeerDataOperationRequest(type, { chatId }) {
  if (type === 3) await socket.service('request_history', { chat: chatId.toString() });
}

register({
  WAWebSendNonMessageDataRequest: { sendPeerDataOperationRequest },
  WAWebLid1X1MigrationGating: { Lid1X1MigrationUtils: { isLidMigrated: () => migrated } },
  WAWebChatModel: { Chat },
  WAWebChatCollection: { ChatCollection, ChatCollectionImpl },
  WAWebFindChatAction: { findOrCreateLatestChat },
  WAWebChatGetExistingBridge: { getExisting: async (wid) => existing(wid) ?? null },
  WAWebChatGetters: {
    getHasUnread: (chat) => chat.unreadCount !== 0,
  },
  WAWebFrontendChatGetters: {
    getShouldAppearInList: () => true,
    getPreviewMessage: (chat) => chat.msgs.last(),
    getShowChangeNumberNotification: () => false,
    getShouldShowUnreadDivider: () => false,
  },
});
