// The queue of items for the driver, which takes batch after batch with `next`. A batch stays here until the next call
// confirms it, so no item is lost on the way. After a load or a lost link the queue is held until `resume`, so that the
// results of catch-up are published first.

const BATCH = 200;
const BATCH_CHARS = 4_000_000; // of JSON; Python reads no batch of more than 16 million
const RETRY_MS = 500;
const GATHER_MS = 100; // how long what a send announces may wait for more: each batch costs Python a commit
const ACKS_KEPT = 10_000; // a repetition of an older one is queued again; the session accepts that
const items = [];
const ackOf = new Map(); // raw id -> highest ack queued: an ack that two hooks announce is one item
const sending = new Set(); // raw ids of unanswered sends
const answered = new Set(); // raw ids of sends whose answer said that the service has the message, until it is announced
const onClock = new Set(); // raw ids of own sends that wait for the service's ack
let holding = true;
let holds = Date.now(); // counts up; this start makes its values unique across loads
let offers = holds; // numbers of the batches
let offered = null; // the batch that Python has, until it asks for the next one
let take = null; // answers the pending `next`
let pressing = false; // an item waits that is not to wait for others
let gathering = 0;

function hold() {
  if (holding) return;
  holding = true;
  holds += 1; // a resume for an earlier hold must not end this one
}

function resume(expectedHolds) {
  if (expectedHolds !== holds || !usable()) return false;
  for (const msg of memory()) if (msg.id?.fromMe) putAck(msg.id, msg.ack); // acks that came before the hooks were installed
  holding = false;
  offer();
  return true;
}

function put(item) {
  items.push(item);
  pressing = true;
  offer();
}

// As `put`, for what is no news to anyone who waits; it leaves with the next item that is.
function putQuietly(item) {
  items.push(item);
  gathering ||= setTimeout(offer, GATHER_MS);
}

// An event, as a file of `events/` reads it. `once` identifies it when the page announces it again.
function putEvent(event, once, chat, t, fields, author) {
  put({ kind: "event", event, once, chat: address(chat), t: number(t), at: serviceTime(), fields, author });
}

function putAck(id, level) {
  const key = keyParts(id);
  if (!key || typeof level !== "number" || level === 0) return;
  if (level < 0 && sending.has(key.id)) {
    setTimeout(() => putAck(id, level), RETRY_MS); // after the answer of the call, which has the reason
    return;
  }
  onClock.delete(key.id);
  const known = ackOf.get(key.id);
  if (known !== undefined && (level > 0 ? level <= known : known < 0)) return;
  ackOf.delete(key.id); // the newest goes last
  ackOf.set(key.id, level);
  if (ackOf.size > ACKS_KEPT) ackOf.delete(ackOf.keys().next().value);
  const ack = { kind: "ack", at: serviceTime(), level, keys: [key] };
  const said = answered.delete(key.id) || sending.has(key.id); // by the answer of the call
  if (level > 1 || (level === 1 && said)) putQuietly(ack);
  else if (level === 1) put(ack);
  else void refusalOf(storedMessage(key.id)).then((reason) => put({ ...ack, refusal: reason }));
}

// Before the call of a send ends: the page announces the service's ack right after its answer, too.
function noteAnswered(rawId) {
  if (!ackOf.has(rawId)) answered.add(rawId);
  if (answered.size > ACKS_KEPT) answered.delete(answered.values().next().value);
}

// The page does not send this message any more by itself. While its call runs, the call's answer says so.
function putStopped(id) {
  const key = keyParts(id);
  onClock.delete(key.id);
  if (!sending.has(key.id)) put({ kind: "stopped", key });
}

// The next batch, as JSON, once there is one. `confirmed` is the number of the batch before, if it was taken; otherwise its
// items come again.
function next(confirmed) {
  if (offered && confirmed === offered.number) items.splice(0, offered.count);
  else pressing ||= Boolean(offered);
  offered = null;
  return new Promise((resolve) => {
    take = resolve;
    if (pressing || !gathering) offer();
  });
}

function offer() {
  clearTimeout(gathering);
  gathering = 0;
  if (!take || !items.length || holding) return;
  const batch = batchOf();
  pressing &&= items.length > batch.length;
  offered = { number: (offers += 1), count: batch.length };
  take(`{"number":${offers},"items":[${batch.join(",")}]}`);
  take = null;
}

// The oldest items, each as JSON: as many as one batch takes, at least one.
function batchOf() {
  const batch = [];
  let chars = 0;
  for (const item of items) {
    if (batch.length === BATCH) break;
    const json = JSON.stringify(item);
    chars += json.length;
    if (batch.length && chars > BATCH_CHARS) break;
    batch.push(json);
  }
  return batch;
}
