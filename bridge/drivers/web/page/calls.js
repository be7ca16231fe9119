// What Python may ask of the page. Each answer is JSON: {value} or {error: {code, text, stored}}.
// `stored` tells for a send whether the message got into the page's store: from then on it may have left.

const SETTLE_MS = 1500;

class Failure extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

function needUsable() {
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

// The number check is asked of WhatsApp's own function: wa-js's turns an error of the service into "no such number".
// `forms` are spellings of one number, the likeliest first; a chat that is there already settles it without a question.
async function resolve(forms) {
  needUsable();
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
    // The chat may have another address than the number (LID): only the chat itself knows, and a key is bound to it.
    const chat = knownChat(address(found.wid)) ?? (await WPP.chat.find(found.wid));
    return { chat: address(chat.id), form };
  }
  return { missing: true };
}

async function answer(action, args) {
  needUsable();
  return answerers[action](args);
}

async function reserve(chat) {
  needUsable();
  return keyParts(await WPP.chat.generateMessageID(chat));
}

const storedMessage = (rawId) => memory().find((msg) => msg.id?.id === rawId);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// With the server's answer if it comes soon, else as soon as the message is safely in the page's store.
async function send(chat, key, rawId, kind, value) {
  needUsable();
  const earlier = storedMessage(rawId);
  if (earlier) return { ack: earlier.ack ?? 0 }; // wa-js would send it a second time
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
  needUsable();
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
