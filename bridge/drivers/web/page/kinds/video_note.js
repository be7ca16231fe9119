// Round video messages.

readers.ptv = (msg) => ({ media: mediaOf(msg) });
