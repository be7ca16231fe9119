// Text. "@5491…" in it mentions only the people that the command names.

senders.text = (chat, body, options) => WPP.chat.sendTextMessage(chat, body, { ...options, detectMentioned: false });

function linkOf(msg) {
  const url = text(read(msg, "canonicalUrl")) ?? text(read(msg, "matchedText"));
  const [title, description] = ["title", "description"].map((name) => text(read(msg, name)));
  return url && (title || description) ? { url, title, description } : undefined;
}

readers.chat = (msg) => ({ body: text(read(msg, "body")), link: linkOf(msg) });
readers.comment = readers.chat; // on an announcement of a community
readers.automated_greeting_message = readers.chat;
readers.hsm = (msg) => ({ body: textOf(msg) });
