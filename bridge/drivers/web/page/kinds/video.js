// Videos.

readers.video = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
