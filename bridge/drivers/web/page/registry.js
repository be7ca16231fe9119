// Filled by the files of `kinds/` and `requests/`, one capability each. Python reads the names from these files.

const readers = {}; // WhatsApp's type, or the name of a variant of it -> (msg) => the fields that an inbound message of this type has, with `body`
const finders = []; // (message of the page's stores, {baseline, actsSince}) => a promise; announces what was done to it meanwhile
// What the page's tables list: {rows: () => a promise, time: the row's field that says when, span: seconds by which that may be
// before `since`, announcers: (rows, since) => functions that announce one each and return a promise}. Without the table, unless
// a finder does it: mayHave: (message) => boolean, announce: (key of the message, since) => a promise. What fails is called again.
const addons = [];
const answerers = {}; // action of a request -> (arguments) => its data
const actors = {}; // kind of an act -> (msg, value of its field in a command) => a promise
const senders = {}; // kind -> (chat, value of its field in a command, options) => the promise of wa-js's send
