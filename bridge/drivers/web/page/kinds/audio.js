// Audio files.

readers.audio = (msg) => ({ media: mediaOf(msg) });
