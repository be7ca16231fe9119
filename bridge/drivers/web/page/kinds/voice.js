// Voice messages.

readers.ptt = (msg) => ({ media: mediaOf(msg) });
