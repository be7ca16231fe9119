// What contacts see of the account: "online", "typing…", read receipts.

import { socket } from '../socket.js';
import { register } from '../registry.js';
import { markUnread } from './chat_marks.js';
import { Stream } from './connection.js';

const PAUSE_MS = 2500;

function sendPresence(available) {
  if (socket.isUp) void socket.service('presence', { available });
}

const setTyping = (chat, typing) => socket.service('compose', { chat: chat.id.toString(), typing });

function stopTimer(chat) {
  if (!chat.pausedTimerId) return;
  clearTimeout(chat.pausedTimerId);
  chat.unset('pausedTimerId');
}

// Says nothing while the indicator is on already, and ends it soon unless the caller takes the timer away.
function markComposing(chat) {
  if (!chat.typing) void setTyping(chat, true);
  chat.typing = true;
  stopTimer(chat);
  chat.pausedTimerId = setTimeout(() => markPaused(chat), PAUSE_MS);
}

function markPaused(chat) {
  if (chat.typing) void setTyping(chat, false);
  chat.typing = false;
  stopTimer(chat);
}

// Read receipts, and the chat's unread mark. A page that no person watches sends them when it is watched again.
async function sendSeen({ chat, afterAvailable = true }) {
  if (chat.unreadCount === 0) return;
  if (!Stream.available && afterAvailable) {
    Stream.once('change:available', () => void sendSeen({ chat }));
    return;
  }
  await socket.service('mark_seen', { chat: chat.id.toString() });
}

register({
  WAWebPresenceChatAction: {
    sendPresenceAvailable: () => sendPresence(true),
    sendPresenceUnavailable: () => sendPresence(false),
    markComposing,
    markPaused,
    markRecording: markComposing,
  },
  WAWebUpdateUnreadChatAction: {
    sendSeen,
    markUnread,
  },
});
