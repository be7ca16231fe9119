// What the page's stores hold from a point in time on, chat by chat. A load leaves only the newest few messages of a
// chat in memory; the rest is read backwards page by page, then handed out oldest first. Python asks for a part at a
// time, so that no single call is long, and no chat costs a call of its own: a number may have tens of thousands.

const PAGE = 100;
const SKIPPED = new Set(["newsletter", "broadcast"]);
let collecting = null;

function markOf(id, since, baseline) {
  const { pn, lid } = aliases(id);
  const marks = [id, pn, lid].map((form) => since[form]).filter((mark) => mark !== undefined);
  return marks.length ? Math.min(...marks) : baseline;
}

function chatsSince(since, baseline) {
  const found = [];
  for (const chat of WPP.whatsapp.ChatStore.getModelsArray()) {
    const id = address(chat.id);
    if (!id || SKIPPED.has(chat.id.server)) continue;
    const mark = markOf(id, since, baseline);
    const times = [read(chat, "t"), ...(chat.msgs?.getModelsArray?.() ?? []).map((msg) => read(msg, "t"))];
    const known = times.filter((time) => typeof time === "number");
    if (!known.length || Math.max(...known) >= mark) found.push({ chat: id, mark });
  }
  return found;
}

// Of one that was broken off nothing is left.
function beginCollecting(since, baseline) {
  const chats = chatsSince(since, baseline).map(({ chat, mark }) => ({ chat, mark, tries: 0 }));
  collecting = { chats, reading: null };
}

function openReading(one) {
  return one && { ...one, found: new Map(), anchor: undefined, otherEnd: undefined, sorted: null, offset: 0 };
}

const idOf = (msg) => msg.id?._serialized ?? String(msg.id);

// Memory is the newest part and in order (within a second nothing else tells the order), but right after a pairing it
// has holes: what the page alone has goes before the message of memory that follows it there, or in front of all.
function withMemory(page, recent) {
  const held = new Set(recent.map(idOf));
  const ahead = new Map();
  let own = [];
  for (const msg of page) {
    if (held.has(idOf(msg))) {
      ahead.set(idOf(msg), own);
      own = [];
    } else own.push(msg);
  }
  const filled = recent.flatMap((msg) => [...(ahead.get(idOf(msg)) ?? []), msg]);
  return ahead.size ? [...filled, ...own] : [...own, ...filled];
}

// A page ends before the chat's newest message: that is in memory, unless it came with history.
async function withNewest(page, key) {
  if (!key || page.some((msg) => idOf(msg) === String(key))) return page;
  const newest = await WPP.chat.getMessageById(String(key)).catch(() => undefined);
  return newest ? [...page, newest] : page;
}

// One page further back. True once the mark, or the beginning of the chat, is reached.
async function readOlder(reading) {
  const first = reading.anchor === undefined;
  let page = await WPP.chat
    .getMessages(reading.chat, first ? { count: PAGE } : { count: PAGE, direction: "before", id: reading.anchor })
    .catch((error) => {
      if (first) return []; // a chat without a newest message: memory is all there is
      throw error;
    });
  if (first) {
    page = withMemory(page, WPP.chat.get(reading.chat)?.msgs?.getModelsArray?.() ?? []);
    page = await withNewest(page, WPP.chat.get(reading.chat)?.lastReceivedKey);
  }
  const older = page.filter((msg) => !reading.found.has(idOf(msg)));
  if (!older.length) {
    // nothing new: the beginning, or a page that was sorted the other way round
    const other = reading.otherEnd;
    reading.otherEnd = undefined;
    if (other === undefined || other === reading.anchor) return true;
    reading.anchor = other;
    return false;
  }
  const before = [...reading.found.values()];
  if (older.length > 1 && older[0].t > older.at(-1).t) older.reverse();
  reading.found = new Map([...older, ...before].map((msg) => [idOf(msg), msg]));
  const oldest = older.reduce((one, msg) => (msg.t < one.t ? msg : one));
  reading.anchor = idOf(oldest);
  reading.otherEnd = idOf(older.at(-1));
  return oldest.t < reading.mark;
}

function takeReading(reading, count) {
  // the sort is stable: within a second the order of the page's store stays
  reading.sorted ??= [...reading.found.values()].filter((msg) => !(msg.t < reading.mark)).sort((a, b) => a.t - b.t);
  const batch = reading.sorted.slice(reading.offset, reading.offset + count);
  reading.offset += batch.length;
  batch.forEach(putWhenDecrypted);
  return batch.map(messageItem);
}

// True once there is no more to be read of it. One that fails is tried again when the others are through; then what was
// found is told all the same, and that it is not whole: one chat must not keep the others from being caught up.
async function readOn(mine, failed) {
  const reading = mine.reading;
  try {
    return await readOlder(reading);
  } catch (error) {
    reading.tries += 1;
    if (reading.tries > 1) {
      failed.push({ chat: reading.chat, mark: reading.mark, text: String(error?.message ?? error) });
      return true;
    }
    mine.chats.push({ chat: reading.chat, mark: reading.mark, tries: reading.tries });
    mine.reading = null;
    return false;
  }
}

// At most `count` items, for about `budget` milliseconds. `failed` names the chats that could not be read whole.
async function collectSome(count, budget) {
  const mine = collecting;
  const until = performance.now() + budget;
  const [items, failed] = [[], []];
  while (items.length < count && performance.now() < until) {
    mine.reading ??= openReading(mine.chats.shift()) ?? null;
    if (!mine.reading) break;
    if (!mine.reading.sorted && !(await readOn(mine, failed))) continue;
    items.push(...takeReading(mine.reading, count - items.length));
    if (mine.reading.offset >= mine.reading.sorted.length) mine.reading = null;
  }
  return { items, failed, done: !mine.reading && !mine.chats.length };
}
