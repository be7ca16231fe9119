// What the other side sees of us while we write.

import { line } from '../line.js';
import { register } from '../registry.js';

const tell = (chat, typing) => line.service('compose', { chat: chat.id.toString(), typing });

register({
  WAWebChatPresence: {
    markComposing: (chat) => tell(chat, true),
    markPaused: (chat) => tell(chat, false),
    markRecording: (chat) => tell(chat, true),
  },
});
