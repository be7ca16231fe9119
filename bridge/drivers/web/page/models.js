// WhatsApp's models as plain JSON: addresses as strings, keys as parts, never a thumbnail.
// It makes no decisions about a message. Fields that cannot be read are omitted; `payloads.py` converts the rest.

const SCALARS = ["t", "type", "subtype", "notifyName", "isMdHistoryMsg", "ack"];

function read(object, name) {
  try {
    return object[name]; // derived attributes of WhatsApp's models may throw
  } catch {
    return undefined;
  }
}

function attempt(getter) {
  try {
    return getter();
  } catch {
    return undefined;
  }
}

function scalar(value) {
  return ["string", "number", "boolean"].includes(typeof value) ? value : undefined;
}

const text = (value) => (typeof value === "string" && value ? value : undefined);
const number = (value) => (Number.isFinite(value) ? value : undefined);
const flag = (value) => (typeof value === "boolean" ? value : undefined);

function address(wid) {
  if (wid === null || wid === undefined) return null;
  if (typeof wid === "string") return wid;
  if (typeof wid._serialized === "string") return wid._serialized;
  if (wid.user !== undefined && wid.server !== undefined) return `${wid.user}@${wid.server}`;
  return null;
}

// Keys lost `_serialized` in WhatsApp 2.3000.1042401057: the parts are used, the string is a fallback.
function keyParts(id) {
  if (id === null || id === undefined) return null;
  if (typeof id === "string") return { serialized: id };
  return {
    fromMe: scalar(read(id, "fromMe")),
    remote: address(read(id, "remote")),
    id: scalar(read(id, "id")),
    participant: address(read(id, "participant")),
    serialized: scalar(read(id, "_serialized")),
  };
}

// Both addresses of a person, from the page's memory only: a query for each message would look automated.
function aliases(person) {
  if (!person) return {};
  let own = {};
  try {
    const wid = WPP.util.createWid(person);
    const cache = WPP.whatsapp.lidPnCache;
    if (wid.server === "lid") {
      own = { lid: person };
      return { ...own, pn: address(cache.getPhoneNumber(wid)) };
    }
    if (wid.server === "c.us") {
      own = { pn: person };
      return { ...own, lid: address(cache.getCurrentLid(wid)) };
    }
  } catch {
    // the other one is not known yet: it may appear later
  }
  return own;
}

// The name that a person gave itself, for a row of the page's database, which has none; else that of the address book.
function nameOf({ pn, lid }) {
  const known = [pn, lid].map((form) => form && attempt(() => store("ContactStore")?.get(form))).filter(Boolean);
  return ["pushname", "name"].flatMap((field) => known.map((contact) => text(read(contact, field)))).find(Boolean);
}

// A SHA-256 in base64, as the page has it, in hexadecimal digits.
function hexOf(base64) {
  if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]{43}=$/.test(base64)) return undefined;
  const bytes = atob(base64);
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

// A positive number, also where the page has it as text.
const positive = (value) => (Number(value) > 0 && Number.isFinite(Number(value)) ? Number(value) : undefined);

// The file of a message. The raw `body` is then a base64 thumbnail of up to 100 KB, not a text.
function mediaOf(msg) {
  const mimetype = text(read(msg, "mimetype"));
  if (!mimetype) return undefined;
  return {
    mimetype,
    size: number(read(msg, "size")),
    sha256: hexOf(read(msg, "filehash")),
    filename: text(read(msg, "filename")),
    width: positive(read(msg, "width")),
    height: positive(read(msg, "height")),
    seconds: positive(read(msg, "duration")),
    pages: positive(read(msg, "pageCount")),
    view_once: flag(read(msg, "isViewOnce")) || undefined,
  };
}

// The place of a message. The raw `body` is a base64 picture of the map; `loc` is "name\naddress".
function placeOf(msg) {
  const [latitude, longitude] = [number(read(msg, "lat")), number(read(msg, "lng"))];
  if (latitude === undefined || longitude === undefined) return undefined;
  return { latitude, longitude, name: text(read(msg, "loc")) };
}

// A message with media has a thumbnail for its body.
const textOf = (msg) => text(read(msg, "caption")) ?? (mediaOf(msg) ? undefined : text(read(msg, "body")));

const lines = (...parts) => parts.map(text).filter(Boolean).join("\n") || undefined;

// The name in `variants`, for a message whose type alone does not decide its kind.
function variantOf(msg) {
  const type = read(msg, "type");
  const [name] = Object.entries(variants).find(([, [of, field, value]]) => of === type && read(msg, field) === value) ?? [];
  return name;
}

const readerOf = (msg) => readers[variantOf(msg) ?? read(msg, "type")];

// For a type without its own reader.
const readAny = (msg) => ({ body: textOf(msg), media: mediaOf(msg) });

// The plain fields of such a message, without thumbnails and keys.
function rawOf(msg) {
  const isKept = ([name, value]) => scalar(value) !== undefined && !/^body$|key|secret|thumb/i.test(name);
  const short = ([name, value]) => [name, typeof value === "string" ? value.slice(0, 1000) : value];
  return Object.fromEntries(Object.entries(attempt(() => msg.serialize()) ?? {}).filter(isKept).map(short));
}

function quotedMessage(msg) {
  const quoted = read(msg, "quotedMsg");
  const stanza = read(msg, "quotedStanzaID");
  if (!quoted && !stanza) return undefined;
  return {
    key: keyParts(read(msg, "quotedMsgId")) ?? keyParts(read(quoted ?? {}, "id")),
    stanza: scalar(stanza),
    author: address(read(msg, "quotedParticipant")),
    body: quoted ? (readerOf(quoted) ?? readAny)(quoted).body : undefined,
    kind: quoted ? variantOf(quoted) ?? text(read(quoted, "type")) : undefined,
  };
}

// Where a person came from, if an advertisement led to the chat.
function referralOf(msg) {
  const from = read(msg, "ctwaContext");
  if (!from) return undefined;
  const [source_url, source_id, headline, ctwa_clid] = ["sourceUrl", "sourceId", "title", "ctwaClid"].map((name) => text(read(from, name)));
  return source_url || source_id || ctwa_clid ? { source_url, source_id, headline, ctwa_clid } : undefined;
}

function albumOf(msg) {
  const key = keyParts(read(msg, "parentMsgKey"));
  const album = text(key?.id) ?? text(key?.serialized)?.split("_")[2];
  return album && mediaOf(msg) ? { id: album } : undefined;
}

// The answer to buttons or a list.
const selectionOf = (id, title) => (text(id) ? { id, title: text(title) } : undefined);

// The content in the contract's form, except addresses and keys, which Python converts.
function contentOf(msg) {
  const content = {
    forwarded: flag(read(msg, "isForwarded")),
    forwarding_score: number(read(msg, "forwardingScore")) || undefined,
    expires_in: number(read(msg, "ephemeralDuration")) || undefined,
    album: albumOf(msg),
    referral: referralOf(msg),
    ...(readerOf(msg) ?? readAny)(msg),
  };
  const mentioned = read(msg, "mentionedJidList");
  if (Array.isArray(mentioned)) content.mentions = mentioned.map(address);
  content.quoted = quotedMessage(msg);
  return content;
}

const AHEAD = 86_400; // seconds by which a message may be newer than the service's clock

// When it was written, in unix seconds; null for what is no time.
function timeOf(msg) {
  const value = read(msg, "t");
  const time = value < 1e11 ? value : value / 1000; // beyond it in milliseconds
  return typeof value === "number" && time > 0 && time <= serviceTime() + AHEAD ? time : null;
}

// `t` is its time for the driver if it has none itself.
function messageItem(msg, t = null) {
  const item = { kind: "message", at: serviceTime() };
  try {
    for (const name of SCALARS) item[name] = scalar(read(msg, name));
    item.t = timeOf(msg) ?? t;
    item.key = keyParts(read(msg, "id"));
    for (const name of ["from", "to", "author"]) item[name] = address(read(msg, name));
    item.person = aliases(item.author ?? item.key?.participant ?? item.key?.remote);
    if (!item.key?.fromMe) item.notifyName ||= nameOf(item.person);
    item.variant = variantOf(msg);
    item.content = contentOf(msg);
    if (!readerOf(msg)) item.raw = rawOf(msg);
  } catch (error) {
    item.unreadable = String(error);
  }
  return item;
}
