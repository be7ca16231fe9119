// Images.

readers.image = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
