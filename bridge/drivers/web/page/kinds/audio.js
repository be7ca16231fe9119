// Audio files.

senders.audio = (chat, media, options) => sendFile(chat, media, options, { type: "audio" });

readers.audio = (msg) => ({ media: mediaOf(msg) });
