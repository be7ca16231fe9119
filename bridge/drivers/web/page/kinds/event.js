// Event invitations.

readers.event_creation = (msg) => ({ body: text(read(msg, "eventName")) });
