// Text. No link preview: wa-js would fetch it from third-party servers. "@5491…" in the text mentions only the people that
// the command names.

senders.text = (chat, body, options) =>
  WPP.chat.sendTextMessage(chat, body, { ...options, linkPreview: false, detectMentioned: false });

readers.chat = (msg) => ({ body: text(read(msg, "body")) });
readers.comment = readers.chat; // on an announcement of a community
readers.automated_greeting_message = readers.chat;
readers.hsm = (msg) => ({ body: textOf(msg) });
