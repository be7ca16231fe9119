// GIFs: short silent videos that repeat.

readers.gif = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
