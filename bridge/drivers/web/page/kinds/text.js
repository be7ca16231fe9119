// Text. "@5491…" in it mentions only the people that the command names.

senders.text = (chat, body, options) => WPP.chat.sendTextMessage(chat, body, { ...options, detectMentioned: false });

readers.chat = (msg) => ({ body: text(read(msg, "body")) });
readers.comment = readers.chat; // on an announcement of a community
readers.automated_greeting_message = readers.chat;
readers.hsm = (msg) => ({ body: textOf(msg) });
