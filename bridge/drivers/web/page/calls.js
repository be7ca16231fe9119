// The calls that the driver makes. Each answer is JSON: {value} or {error: {code, text, stored}}.
// `stored`, for a send: the message is in the page's store, so it may have been sent.

const SETTLE_MS = 1500;

class Failure extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

function requireUsable() {
  if (!usable()) throw new Failure("not_connected", "WhatsApp's link is down.");
}

function knownChat(id) {
  const { pn, lid } = aliases(id);
  for (const form of [id, lid, pn]) {
    const chat = form && attempt(() => WPP.chat.get(form));
    if (chat) return chat;
  }
  return undefined;
}

// The number check uses WhatsApp's own function: wa-js's function turns an error of the service into "no such number".
// `forms` are spellings of one number, the likeliest first. An existing chat answers it without a query.
async function resolve(forms) {
  requireUsable();
  for (const form of forms) {
    const known = knownChat(form);
    if (known) return { chat: address(known.id), form };
  }
  for (const form of forms) {
    const wid = WPP.util.createWid(form);
    if (wid.server !== "c.us") return { missing: true };
    const found = await WPP.whatsapp.functions.queryWidExists(wid).catch((error) => {
      throw new Failure("lookup_failed", String(error?.message ?? error));
    });
    if (!found?.wid) continue;
    // The chat's address may differ from the number (LID), and a message key needs the chat's address.
    const chat = knownChat(address(found.wid)) ?? (await WPP.chat.find(found.wid));
    return { chat: address(chat.id), form };
  }
  return { missing: true };
}

async function answer(action, args) {
  requireUsable();
  return answerers[action](args);
}

async function reserve(chat) {
  requireUsable();
  return keyParts(await WPP.chat.generateMessageID(chat));
}

const storedMessage = (rawId) => memory().find((msg) => msg.id?.id === rawId);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Returns with the server's answer if it comes soon, else once the message is in the page's store.
async function send(chat, key, rawId, kind, value) {
  requireUsable();
  const earlier = storedMessage(rawId);
  if (earlier) return { ack: earlier.ack ?? 0 }; // wa-js would send it again
  sending.add(rawId);
  try {
    const call = senders[kind](chat, value, { messageId: key, createChat: true, markIsRead: false, waitForAck: true });
    let settled = false;
    const answer = call.finally(() => { settled = true; });
    answer.catch(() => undefined);
    const pending = (async () => {
      await pause(SETTLE_MS);
      while (!settled && !storedMessage(rawId)) await pause(100);
      return settled ? answer : {};
    })();
    pending.catch(() => undefined);
    const { sendMsgResult, ack } = await Promise.race([answer, pending]);
    const result = sendMsgResult?.messageSendResult ?? sendMsgResult;
    return { ack: storedMessage(rawId)?.ack ?? ack ?? 0, result: scalar(result) };
  } catch (error) {
    error.stored = Boolean(storedMessage(rawId));
    throw error;
  } finally {
    sending.delete(rawId);
  }
}

async function lookUp(keys, rawId) {
  requireUsable();
  const found = [storedMessage(rawId)?.ack];
  for (const key of keys) {
    const msg = await WPP.chat.getMessageById(key).catch((error) => {
      if (["msg_not_found", "chat_not_found"].includes(error?.code)) return undefined;
      throw error;
    });
    found.push(msg && (msg.ack ?? 0));
  }
  const acks = found.filter((ack) => typeof ack === "number");
  return { ack: acks.length ? Math.max(...acks) : null };
}

const calls = {
  resume,
  resolve,
  reserve,
  answer,
  send,
  lookUp,
  aliases,
  logOut: () => WPP.conn.logout(),
  takeOver: () => WPP.whatsapp.Socket.takeover(),
  linkByPhone,
  beginCollecting,
  collectSome,
};

async function call(name, args) {
  try {
    return JSON.stringify({ value: (await calls[name](...args)) ?? null });
  } catch (error) {
    const text = String(error?.message ?? error);
    return JSON.stringify({ error: { code: scalar(error?.code) ?? null, text, stored: error?.stored ?? false } });
  }
}

Object.defineProperty(globalThis, agentName, { value: Object.freeze({ call }) });
