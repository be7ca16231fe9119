// Short silent films that repeat.

readers.gif = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
