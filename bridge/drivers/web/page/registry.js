// Filled by the files of `kinds/` and `requests/`, one capability each. Python reads the names from these files.

const readers = {}; // WhatsApp's type, or the name of a variant of it -> (msg) => the fields that an inbound message of this type has, with `body`
const finders = []; // (message of the page's stores, {baseline, actsSince}) => a promise; announces what was done to it meanwhile
// What has rows in a table of its own: {table: () => the table, time: the row's field that says when, announceRows: (rows,
// since) => a promise; without the table: mayHave: (message) => boolean, announce: (key of the message, since) => a promise}
const addons = [];
const answerers = {}; // action of a request -> (arguments) => its data
const actors = {}; // kind of an act -> (msg, value of its field in a command) => a promise
const senders = {}; // kind -> (chat, value of its field in a command, options) => the promise of wa-js's send
