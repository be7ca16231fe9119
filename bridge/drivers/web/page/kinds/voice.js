// Voice messages.

senders.voice = (chat, media, options) => sendFile(chat, media, options, { type: "audio", isPtt: true });

readers.ptt = (msg) => ({ media: mediaOf(msg) });
