// Marks of chats: archived, pinned, muted, unread, labels.

import { socket } from '../socket.js';
import { BaseCollection, Collection, Model } from '../model.js';
import { register } from '../registry.js';
import { createWid } from './identity.js';

class Mute extends Model {
  // Without `sendDevice` only this page is concerned.
  async mute({ expiration, sendDevice }) {
    if (sendDevice) await mark(this.id, { muted_until: expiration });
    this.expiration = expiration;
  }

  async unmute({ sendDevice } = {}) {
    if (sendDevice) await mark(this.id, { muted_until: 0 });
    this.expiration = 0;
  }
}
Mute.prototype.proxyName = 'mute';

class MuteCollectionImpl extends BaseCollection {
  constructor() {
    super(Mute);
  }
}
const MuteCollection = new MuteCollectionImpl();

class Label extends Model {}
Label.prototype.proxyName = 'label';
class LabelItem extends Model {}

class LabelCollectionImpl extends BaseCollection {
  constructor() {
    super(Label);
  }

  // Returns at once, and shows a refusal to the person only.
  addOrRemoveLabels(labels, chats) {
    void socket.service('label_chats', { labels, chats: chats.map(({ id }) => id.toString()) }).catch(() => {});
  }
}
const LabelCollection = new LabelCollectionImpl();

const mark = (id, marks) => socket.service('mark_chat', { chat: id.toString(), marks });

export function addLabels(labels) {
  for (const [id, name] of Object.entries(labels)) {
    const label = LabelCollection.add({ id, name, colorIndex: Number(id) });
    label.labelItemCollection ??= new Collection(LabelItem);
  }
}

function setLabels(chat, ids) {
  const parentId = chat.id.toString();
  for (const label of LabelCollection.getModelsArray()) {
    const item = { id: `Chat_${parentId}_${label.id}`, parentId, parentType: 'Chat', labelId: label.id };
    if (ids.includes(label.id)) label.labelItemCollection.add(item);
    else label.labelItemCollection.remove(item.id);
  }
  chat.labels = ids;
}

// The marks of a chat, from its database record.
export function takeMarks(chat, { archive, pin, muteExpiration, labels }) {
  chat.set({ archive, pin });
  chat.mute = MuteCollection.add({ id: createWid(chat.id), expiration: 0 });
  chat.mute.expiration = muteExpiration;
  setLabels(chat, labels);
}

// A bell for the page's interface, which archives the chat.
const archiveChat = (chat, archived) => mark(chat.id, { archived });

async function setPin(chat, pinned) {
  const at = pinned ? Date.now() : 0;
  await mark(chat.id, { pinned_ms: at });
  chat.pin = at;
}

// A refusal is shown to the person and swallowed.
export async function markUnread(chat) {
  if (chat.unreadCount > 0) return;
  await mark(chat.id, { marked_unread: true }).catch(() => {});
  chat.unreadCount = -1;
}

const COLOURS = ['#ff9485', '#64c4ff', '#ffd429', '#dfaef0'];

register({
  SandboxChats: { archiveChat },
  WAWebMuteModel: { Mute },
  WAWebMuteCollection: { MuteCollection },
  WAWebSetPinChatAction: { setPin },
  WAWebLabelModel: { Label },
  WAWebLabelCollection: { LabelCollection },
  WAWebListUtils: {
    colorIndexToHex: (index) => COLOURS[index % COLOURS.length],
    getAllLabelColors: () => COLOURS,
  },
});
