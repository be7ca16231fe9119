// The way out of the page: items wait here until Python has answered for their batch, so none is lost on the way.
// After a load or a lost link the outlet is held until `resume`, so that what catch-up finds is told first.

const BATCH = 200;
const RETRY_MS = 500;
const TICKS_KEPT = 10_000; // an older one that comes again is told again, which the session takes
const items = [];
const tickOf = new Map(); // raw id -> highest ack told, so that one tick told by two hooks is one item
const sending = new Set(); // raw ids of sends that were not answered yet
let holding = true;
let holds = Date.now(); // counts up; begins so that no hold of another load has the same number
let handingOut = false;

function hold() {
  if (holding) return;
  holding = true;
  holds += 1; // a resume that was meant for an earlier hold must not open this one
}

function resume(hold_number) {
  if (hold_number !== holds || !usable()) return false;
  for (const msg of memory()) if (msg.id?.fromMe) tick(msg.id, msg.ack); // ticks that came while nobody listened
  holding = false;
  void handOut();
  return true;
}

function put(item) {
  items.push(item);
  void handOut();
}

// An event, as a file of `events/` read it. `once` tells it from others, however often the page announces it.
function putEvent(event, once, chat, t, fields) {
  put({ kind: "event", event, once, chat: address(chat), t: number(t), at: serviceTime(), fields });
}

function tick(id, level) {
  const key = keyParts(id);
  if (!key || typeof level !== "number" || level === 0) return;
  if (level < 0 && sending.has(key.id)) {
    setTimeout(() => tick(id, level), RETRY_MS); // the answer of the call comes first: it knows the reason
    return;
  }
  const known = tickOf.get(key.id);
  if (known !== undefined && (level > 0 ? level <= known : known < 0)) return;
  tickOf.delete(key.id); // the newest last
  tickOf.set(key.id, level);
  if (tickOf.size > TICKS_KEPT) tickOf.delete(tickOf.keys().next().value);
  put({ kind: "ack", at: serviceTime(), level, keys: [key] });
}

async function handOut() {
  if (handingOut) return;
  handingOut = true;
  while (items.length && !holding) {
    const batch = items.slice(0, BATCH);
    let taken = false;
    try {
      taken = await toPython("items", JSON.stringify(batch));
    } catch {
      // not taken: it comes again
    }
    if (taken === true) items.splice(0, batch.length);
    else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  handingOut = false;
}
