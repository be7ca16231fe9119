// Stickers, and packs of them: `filename` is the name of a pack.

senders.sticker = (chat, media, options) => sendFile(chat, media, options, { type: "sticker" });

readers.sticker = (msg) => ({ media: mediaOf(msg) });
readers["sticker-pack"] = (msg) => ({
  body: lines(read(msg, "stickerPackName") ?? read(msg, "filename"), read(msg, "isCaptionByUser") ? read(msg, "caption") : ""),
  media: mediaOf(msg),
});
