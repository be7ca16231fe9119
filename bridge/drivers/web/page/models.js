// WhatsApp's models as plain JSON: addresses as strings, keys as parts, never a thumbnail.
// It decides nothing about a message; what it cannot read it leaves out, and `payloads.py` makes the best of the rest.

const SCALARS = [
  "t", "type", "subtype", "caption", "notifyName", "isForwarded", "forwardingScore", "lat", "lng", "loc",
  "vcardFormattedName", "mimetype", "filename", "size", "filehash", "isMdHistoryMsg", "isViewOnce", "ack",
  "pollName", "eventName", "quotedStanzaID",
];
// The raw `body` of these is a base64 thumbnail, up to 100 KB that nobody may take for text.
const THUMBNAILED = new Set([
  "image", "video", "gif", "sticker", "document", "audio", "ptt", "ptv", "location", "product", "order", "album",
]);

function read(object, name) {
  try {
    return object[name]; // derived attributes of WhatsApp's models may throw
  } catch {
    return undefined;
  }
}

function scalar(value) {
  return ["string", "number", "boolean"].includes(typeof value) ? value : undefined;
}

function address(wid) {
  if (wid === null || wid === undefined) return null;
  if (typeof wid === "string") return wid;
  if (typeof wid._serialized === "string") return wid._serialized;
  if (wid.user !== undefined && wid.server !== undefined) return `${wid.user}@${wid.server}`;
  return null;
}

// Keys lost `_serialized` in WhatsApp 2.3000.1042401057: the parts are what counts, the string is a fallback.
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

// Both addresses of a person, from the page's memory only: asking the service for each message would look like a robot.
function aliases(person) {
  if (!person) return {};
  try {
    const wid = WPP.util.createWid(person);
    const cache = WPP.whatsapp.lidPnCache;
    if (wid.server === "lid") return { lid: person, pn: address(cache.getPhoneNumber(wid)) };
    if (wid.server === "c.us") return { pn: person, lid: address(cache.getCurrentLid(wid)) };
  } catch {
    // unknown for now: the mapping may turn up later
  }
  return {};
}

function quotedMessage(msg) {
  const quoted = read(msg, "quotedMsg");
  const stanza = read(msg, "quotedStanzaID");
  if (!quoted && !stanza) return undefined;
  const thumbnailed = quoted && THUMBNAILED.has(read(quoted, "type"));
  return {
    key: keyParts(read(msg, "quotedMsgId")) ?? keyParts(read(quoted ?? {}, "id")),
    stanza: scalar(stanza),
    author: address(read(msg, "quotedParticipant")),
    body: quoted ? scalar(read(quoted, thumbnailed ? "caption" : "body")) : undefined,
  };
}

function messageItem(msg) {
  const item = { kind: "message", at: serviceTime() };
  try {
    for (const name of SCALARS) item[name] = scalar(read(msg, name));
    if (!THUMBNAILED.has(item.type) && !item.mimetype) item.body = scalar(read(msg, "body"));
    item.key = keyParts(read(msg, "id"));
    for (const name of ["from", "to", "author"]) item[name] = address(read(msg, name));
    const mentioned = read(msg, "mentionedJidList");
    if (Array.isArray(mentioned)) item.mentions = mentioned.map(address);
    const cards = read(msg, "vcardList");
    if (Array.isArray(cards)) item.vcards = cards.map((card) => scalar(read(card, "vcard")));
    item.quoted = quotedMessage(msg);
    item.person = aliases(item.author ?? item.key?.participant ?? item.key?.remote);
  } catch (error) {
    item.unreadable = String(error);
  }
  return item;
}
