// Text: no preview, since wa-js asks strangers' servers for it; "@5491…" in it mentions only whom the command names.

senders.text = (chat, body, options) =>
  WPP.chat.sendTextMessage(chat, body, { ...options, linkPreview: false, detectMentioned: false });

readers.chat = (msg) => ({ body: text(read(msg, "body")) });
