// Polls.

readers.poll_creation = (msg) => ({ body: text(read(msg, "pollName")) });
