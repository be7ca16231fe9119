// The messages in the page's stores since a point in time, chat by chat. After a load only the newest few messages of a
// chat are in memory; the rest is read backwards page by page, then returned oldest first. The driver requests a part at
// a time, so no single call takes long, and chats share calls: an account may have tens of thousands of chats.

const PAGE = 100;
// How long after a message it can be deleted for everyone, in seconds; to edit it there are 15 minutes.
const REVOCABLE = 60 * 3600;
const LOOK_BACK = 1000; // messages of a chat that are read for what was done to them, beyond those that are missing
const SKIPPED = new Set(["newsletter", "broadcast"]);
let current = null;

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
    const times = (chat.msgs?.getModelsArray?.() ?? []).map(timeOf);
    const known = [read(chat, "t"), ...times].filter((time) => typeof time === "number");
    if (!known.length || times.includes(null) || known.some((time) => time >= mark)) found.push({ chat: id, mark });
  }
  return found;
}

// Fewer than 1,000 missed messages come after the link is up, and with them what was done to messages meanwhile. The stores
// lack it until then, and wa-js announces no vote from before the load. A page without this mark is not waited for.
const isDelivered = () => read(store("BackendEventBus"), "isOfflineDeliveryEnd") !== false;

// True once everything is delivered, or was waited for long enough.
async function awaitDelivery({ deliveredBy }, until) {
  const ends = Math.min(until, deliveredBy);
  while (!isDelivered() && performance.now() < ends) await pause(50);
  return isDelivered() || performance.now() >= deliveredBy;
}

// Replaces a collection that was interrupted.
function beginCollecting(since, baseline, actsSince) {
  const acts = Math.max(baseline, actsSince - REVOCABLE); // what is older was not changed meanwhile
  const list = () => chatsSince(since, baseline).map(({ chat, mark }) => ({ chat, mark, acts, tries: 0 }));
  const deliveredBy = performance.now() + deliveryMs;
  current = { deliveredBy, list, chats: null, reading: null, past: { baseline, actsSince }, unlisted: null, again: [] };
}

function openReading(chat) {
  return chat && { ...chat, found: new Map(), anchor: undefined, sorted: null, offset: 0 };
}

const idOf = (msg) => msg.id?._serialized ?? String(msg.id);

// Memory holds the newest messages in order (within a second, nothing else gives the order), but right after a pairing it
// has gaps. Messages that only the page has go before the message of memory that follows them, or before all.
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

// A page ends before what was the chat's newest message as it was asked for: that one is in memory, unless it came with the
// history. One that is the newest later is announced, with those before it.
async function withNewest(page, key) {
  if (!key || page.some((msg) => idOf(msg) === String(key))) return page;
  const newest = await pastMessage(String(key));
  return newest ? [...page, newest] : page;
}

const byId = (messages) => new Map(messages.map((msg) => [idOf(msg), msg]));

const newestRows = (chat, count) =>
  WPP.chat.getMessages(chat, { count }).catch((error) => {
    if (!WPP.chat.get(chat)?.lastReceivedKey) return []; // a chat without a newest message: only memory has its messages
    throw error;
  });

// The newest page of a chat, with what memory has. A failure leaves what was found until then.
async function readNewest(reading) {
  const chat = WPP.chat.get(reading.chat);
  const [recent, newest] = [chat?.msgs?.getModelsArray?.() ?? [], chat?.lastReceivedKey];
  let page = recent;
  try {
    const rows = await newestRows(reading.chat, PAGE);
    page = withMemory(rows, recent);
    return { rows, page: await withNewest(page, newest) };
  } catch (error) {
    reading.found = byId(page);
    throw error;
  }
}

async function readBefore({ chat, anchor }) {
  const rows = await WPP.chat.getMessages(chat, { count: PAGE, direction: "before", id: anchor });
  return { rows, page: rows };
}

// Reads one page further back. True once the mark and the last message that can have been changed, or the start of the chat,
// are reached.
async function readOlder(reading) {
  const { rows, page } = await (reading.anchor === undefined ? readNewest : readBefore)(reading);
  const older = page.filter((msg) => !reading.found.has(idOf(msg)));
  if (!older.length) return true;
  reading.found = byId([...older, ...reading.found.values()]);
  const ascending = rows.length ? rows : page; // rows are, whatever their times say; memory may have gaps
  reading.anchor = idOf(ascending[0]);
  const oldest = ascending.map(timeOf).find((time) => time !== null);
  if (oldest === undefined || oldest >= reading.mark) return false;
  reading.enough ??= reading.found.size + LOOK_BACK;
  return oldest < reading.acts || reading.found.size >= reading.enough;
}

function takeReading(reading, count) {
  reading.sorted ??= sinceMark([...reading.found.values()], reading.mark);
  const batch = reading.sorted.slice(reading.offset, reading.offset + count);
  reading.offset += batch.length;
  batch.forEach(({ msg }) => awaitText(msg));
  return batch.map(({ msg, t }) => messageItem(msg, t));
}

// A message that has no time is as old as the one before it. The first ones of a chat may be of any age: they get the time of
// the first one that has any. With that of now they would move the chat's watermark past all others.
function sinceMark(messages, mark) {
  const times = messages.map(timeOf);
  const first = times.findIndex((time) => time !== null);
  let last = times[first] ?? null;
  const dated = messages.map((msg, place) => ({ msg, t: (last = times[place] ?? last), isUndated: place < first }));
  // the sort is stable: it keeps the order of the page's store within a second
  return dated.filter(({ t, isUndated }) => isUndated || t === null || t >= mark).sort((one, other) => (one.t ?? 0) - (other.t ?? 0));
}

// Messages with a key in this field, as the page's database has them: it has an index of each such field.
const messagesWith = (field) =>
  WPP.loader.loadModule("WAWebSchemaMessage").getMessageTable().greaterThan([field], "", { shouldDecrypt: false });

// Announces what was done to messages. What fails is tried again after all chats: one bad row must not block the others.
const tryAct = ({ again }, announce) => announce().catch(() => again.push(announce));

// Returns why something cannot be announced at the second try either.
async function tryActsAgain({ again }, until) {
  let failure;
  while (again.length && performance.now() < until) {
    await again.shift()().catch((error) => { failure ??= String(error?.message ?? error); });
  }
  return failure;
}

// What was done may be on messages of any age, further back than a chat is read: tables list it. Returns what they do not list
// on this page.
async function findAddons(collection) {
  const { baseline, actsSince } = collection.past;
  const unlisted = [];
  for (const addon of addons) {
    let table = attempt(addon.rows); // undefined on a page that lacks it
    if (!table) {
      if (addon.announce) unlisted.push(addon);
      continue;
    }
    const from = Math.max(baseline, actsSince - (addon.span ?? 0));
    await tryAct(collection, async () => {
      const reading = table ?? addon.rows();
      table = null;
      const rows = (await reading).filter((row) => inSeconds(row[addon.time]) >= from);
      for (const announce of addon.announcers(rows, actsSince)) await tryAct(collection, announce);
    });
  }
  return unlisted;
}

// What was done to a message while no page was there to announce it: the stores show it, no event does.
async function findActs(msg, collection) {
  const { past, unlisted } = collection;
  if (!(msg.t >= past.baseline)) return;
  for (const find of finders) await tryAct(collection, () => find(msg, past));
  for (const { mayHave, announce } of unlisted) {
    if (mayHave(msg)) await tryAct(collection, () => announce(msg.id, past.actsSince));
  }
}

// True once the chat is read completely. A chat that fails is retried after the others; if it fails again, what was found
// is returned and the chat is reported in `failed`. One chat must not block the catch-up of the others.
async function readNext(collection, failed) {
  const reading = collection.reading;
  try {
    return await readOlder(reading);
  } catch (error) {
    reading.tries += 1;
    if (reading.tries > 1) {
      failed.push({ chat: reading.chat, mark: reading.mark, text: String(error?.message ?? error) });
      return true;
    }
    const { chat, mark, acts, tries } = reading;
    collection.chats.push({ chat, mark, acts, tries });
    collection.reading = null;
    return false;
  }
}

// At most `count` items, in about `budget` milliseconds. `failed` lists the chats that could not be read completely; `actsFailed`
// says why not all that was done to messages is announced. `overdue`: it begins although not everything is delivered.
async function collectSome(count, budget) {
  const collection = current;
  const until = performance.now() + budget;
  const [items, failed] = [[], []];
  if (!collection.chats && !(await awaitDelivery(collection, until))) return { items, failed, done: false };
  const overdue = !collection.chats && !isDelivered();
  collection.chats ??= collection.list();
  collection.unlisted ??= await findAddons(collection);
  while (items.length < count && performance.now() < until) {
    collection.reading ??= openReading(collection.chats.shift()) ?? null;
    if (!collection.reading) break;
    if (!collection.reading.sorted) {
      if (!(await readNext(collection, failed))) continue;
      for (const msg of collection.reading.found.values()) await findActs(msg, collection);
    }
    items.push(...takeReading(collection.reading, count - items.length));
    if (collection.reading.offset >= collection.reading.sorted.length) collection.reading = null;
  }
  const isRead = !collection.reading && !collection.chats.length;
  const actsFailed = isRead ? await tryActsAgain(collection, until) : undefined;
  return { items, failed, actsFailed, overdue, done: isRead && !collection.again.length };
}
