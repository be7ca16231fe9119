// Files of any type. The page sets the file's name as the caption where the sender wrote none.

senders.document = (chat, media, options) => sendFile(chat, media, options, { type: "document" });

readers.document = (msg) => {
  const caption = text(read(msg, "caption"));
  const isText = flag(read(msg, "isCaptionByUser")) ?? caption !== text(read(msg, "filename"));
  return { body: isText ? caption : undefined, media: mediaOf(msg) };
};
