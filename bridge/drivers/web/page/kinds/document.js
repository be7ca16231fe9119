// Files of any type.

readers.document = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
