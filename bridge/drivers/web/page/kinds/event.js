// Event invitations.

readers.event_creation = (msg) => ({ body: lines(read(msg, "eventName"), read(msg, "eventDescription")) });
