// Videos.

senders.video = (chat, media, options) =>
  sendFile(chat, media, options, { type: "video", isGif: media.gif, isPtv: media.note });

readers.video = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
