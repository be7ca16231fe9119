// Stickers.

readers.sticker = (msg) => ({ media: mediaOf(msg) });
