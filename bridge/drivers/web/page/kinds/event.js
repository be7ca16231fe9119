// Invitations to an event.

readers.event_creation = (msg) => ({ body: text(read(msg, "eventName")) });
