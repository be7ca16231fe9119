// What the files of `kinds/` and `requests/` add, one capability each. Python finds by name what can be sent and asked.

const readers = {}; // WhatsApp's type -> (msg) => the fields of an inbound message that are its own, `body` included
const answerers = {}; // action of a request -> (arguments) => its data
const senders = {}; // kind -> (chat, value of its field in a command, options) => the promise of wa-js's send
