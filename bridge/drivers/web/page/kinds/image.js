// Images. WhatsApp Web draws a picture again, as JPEG of up to 1600 pixels, with `hd` 2560.

senders.image = (chat, media, options) => sendFile(chat, media, options, { type: "image", isHD: media.hd });

readers.image = (msg) => ({ body: text(read(msg, "caption")), media: mediaOf(msg) });
