// What the files of `kinds/` add, one kind each. `senders` is searched for by name: a kind that has one can be sent.

const readers = {}; // WhatsApp's type -> (msg) => the fields of an inbound message that are its own, `body` included
const senders = {}; // kind -> (chat, value of its field in a command, options) => the promise of wa-js's send
