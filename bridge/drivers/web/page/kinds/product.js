// Products; the raw `body` is a thumbnail, and `caption` the text that the sender wrote.

readers.product = (msg) => ({
  body: lines(read(msg, "title"), read(msg, "description"), read(msg, "caption")),
  media: mediaOf(msg),
});
