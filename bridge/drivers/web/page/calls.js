// The calls that the driver makes. Each answer is JSON: {value} or {error: {code, text, stored, known}}.
// `stored`: the message is in the page's store, so it may have been sent; for a request: it may have been done, and `known` is
// the part of its data that is certain.

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

// A migrated account addresses it by the person's LID, which WhatsApp may not know: "No LID for user".
function newChat(wid) {
  return WPP.chat.find(wid).catch((error) => {
    throw new Failure("lookup_failed", String(error?.message ?? error));
  });
}

// The number check uses WhatsApp's own function: wa-js's function turns an error of the service into "no such number".
// `forms` are spellings of one number, the likeliest first. An existing chat answers it without a query.
async function lookUpNumber(forms) {
  for (const form of forms) {
    const chat = knownChat(form);
    if (chat) return { chat, form };
  }
  for (const form of forms) {
    const wid = WPP.util.createWid(form);
    if (wid.server !== "c.us") return undefined;
    const found = await WPP.whatsapp.functions.queryWidExists(wid).catch((error) => {
      throw Object.assign(new Failure("lookup_failed", String(error?.message ?? error)), { status: error?.status });
    });
    // The chat's address may differ from the number (LID).
    if (found?.wid) return { chat: knownChat(address(found.wid)), wid: found.wid, form };
  }
  return undefined;
}

async function resolve(forms) {
  requireUsable();
  const found = await lookUpNumber(forms);
  if (!found) return { missing: true };
  const chat = found.chat ?? (await newChat(found.wid)); // a message key needs the chat's address
  return { chat: address(chat.id), form: found.form };
}

// `given`: the arguments as the request has them; in `args` each recipient is a list of spellings.
async function answer(action, args, given) {
  requireUsable();
  return answerers[action](args, given);
}

// Why the group takes no message of this account; null where nothing is known against it.
const mayWrite = (to) => writingRefused(attempt(() => WPP.chat.get(to)));

// With the look-up, in one call: nothing has left yet, and a call costs more than the look-up.
async function reserve(forms) {
  const found = await resolve(forms);
  return found.missing ? found : { ...found, key: keyParts(await WPP.chat.generateMessageID(found.chat)) };
}

// For the next message of a chat, which then needs no call of its own for it. Raises nothing: the message before has left.
async function keyFor(chat) {
  try {
    return keyParts(await WPP.chat.generateMessageID(chat));
  } catch {
    return undefined;
  }
}

const givenIds = new Map(); // raw id that was reserved -> the one that the page gave the message
const storedMessage = (rawId) => memory().find((msg) => msg.id?.id === (givenIds.get(rawId) ?? rawId));
const isStopped = (msg) => Boolean(msg.isSendFailure) && !msg.ack;
const lacksUpload = (msg) => Boolean(read(msg, "mimetype")) && !read(msg, "directPath");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Why the service refused a message: its code, from pages since July 2026; before, only the cap of new chats and the lock
// leave a trace. `until`: end of the lock, unix seconds.
async function refusalOf(msg) {
  if (lacksUpload(msg ?? {})) return { code: "upload" };
  let code = number(read(msg ?? {}, "ackErrorCode"));
  if (String(read(msg ?? {}, "errorCode")).includes("NewMessages")) code ??= 475;
  if (code !== undefined && code !== 463) return { code };
  const until = await reachOutLock();
  return until ? { code: 463, until } : { code };
}

async function outcomeOf(msg, ack, result) {
  const level = msg?.ack ?? ack ?? 0;
  if (level > 0 || (msg && isStopped(msg))) onClock.delete(msg?.id?.id);
  return {
    ack: level,
    result: scalar(result),
    stopped: Boolean(msg && isStopped(msg)),
    notUploaded: Boolean(msg && isStopped(msg) && lacksUpload(msg)),
    refusal: level < 0 ? await refusalOf(msg) : undefined,
  };
}

function unlessGone(error) {
  if (["msg_not_found", "chat_not_found"].includes(error?.code)) return undefined;
  throw error;
}

// Returns with the server's answer if it comes soon, else once the message is in the page's store.
const pastMessage = (key) => WPP.chat.getMessageById(key).catch(unlessGone);

// A message that a command names: by its key, or by WhatsApp's part of it, with which the page's memory is searched first.
async function namedMessage(chat, id) {
  const whole = id.includes("_");
  const found = storedMessage(whole ? id.split("_")[2] : id);
  if (found) return found;
  const chats = new Set([chat, ...Object.values(aliases(chat))].filter(Boolean));
  const keys = [...chats].flatMap((form) => [`true_${form}_${id}`, `false_${form}_${id}`]);
  for (const key of whole ? [id] : keys) {
    const msg = await pastMessage(key);
    if (msg) return msg;
  }
  throw new Failure("msg_not_found", `WhatsApp Web does not have the message ${id}. chats.history lists the ids of those that it has.`);
}

// The members of a group among `people`, each given in every spelling. A member goes by the address that the group uses.
function mentioned(chat, people, everybody) {
  const members = membersOf(WPP.chat.get(chat) ?? {});
  const known = byAddress(members);
  const found = people.map((forms) => {
    const member = forms.map((form) => known.get(form)).find(Boolean);
    if (!member) throw new Failure("mentioned_is_not_a_member", `${forms[0].split("@")[0]} is none`);
    return { forms, member: address(member.id) };
  });
  return { found, all: everybody ? members.map(({ id }) => address(id)) : found.map(({ member }) => member) };
}

// What wa-js takes for the modifiers of a command. A text shows a mention where it has "@" and the digits of the address that
// the group uses; a sender knows the number only.
async function withModifiers(chat, value, modifiers) {
  const options = { linkPreview: Boolean(modifiers.link_preview) };
  if (modifiers.reply_to) options.quotedMsg = await namedMessage(chat, modifiers.reply_to);
  if (modifiers.mentions) {
    const { found, all } = mentioned(chat, modifiers.mentions, modifiers.everybody);
    options.mentionedList = all;
    const shown = (body) => {
      for (const { forms, member } of found) {
        const digits = member.split("@")[0];
        for (const form of forms) body = body.replaceAll(new RegExp(`@${form.split("@")[0]}(?!\\d)`, "g"), `@${digits}`);
      }
      return body;
    };
    if (typeof value === "string") value = shown(value);
    else if (value.caption) value = { ...value, caption: shown(value.caption) };
  }
  return { value, options };
}

// The page's memory makes room for the same message with its file; its record in the database is written over.
function forget(msg) {
  store("MsgStore").remove(msg);
  WPP.chat.get(address(msg.id.remote))?.msgs.remove(msg);
}

async function send(chat, key, rawId, kind, given, modifiers) {
  requireUsable();
  const file = await takeFile(rawId, given);
  const earlier = storedMessage(rawId);
  const isAgain = Boolean(earlier && file && isStopped(earlier) && lacksUpload(earlier));
  if (earlier && !isAgain) return outcomeOf(earlier); // wa-js would send it again
  const refused = mayWrite(chat);
  if (refused) throw new Failure("not_allowed", refused);
  if (isAgain) forget(earlier);
  const { value, options } = await withModifiers(chat, given, modifiers);
  sending.add(rawId);
  onClock.add(rawId);
  try {
    const sent = { ...options, messageId: key, createChat: true, markIsRead: false, waitForAck: true, ...(file && { file }) };
    const call = senders[kind](chat, value, sent);
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
    const outcome = await outcomeOf(storedMessage(rawId), ack, sendMsgResult?.messageSendResult ?? sendMsgResult);
    if (outcome.ack <= 0) return outcome;
    noteAnswered(rawId);
    return { ...outcome, next: await keyFor(chat) };
  } catch (error) {
    error.stored = Boolean(error.isInDoubt || storedMessage(rawId));
    if (!error.stored) onClock.delete(rawId);
    throw error;
  } finally {
    sending.delete(rawId);
  }
}

// A message's key under every known address of its chat.
function keysOf(key) {
  const [fromMe, chat, ...rest] = key.split("_");
  const chats = new Set([chat, ...Object.values(aliases(chat))].filter(Boolean));
  return [...chats].map((form) => [fromMe, form, ...rest].join("_"));
}

async function findOwn(key, rawId) {
  const found = [storedMessage(rawId)];
  for (const form of keysOf(key)) {
    found.push(await pastMessage(form));
  }
  return found.filter(Boolean).sort((a, b) => (b.ack ?? 0) - (a.ack ?? 0))[0];
}

async function lookUp(key, rawId) {
  requireUsable();
  const msg = await findOwn(key, rawId);
  return msg ? outcomeOf(msg) : { ack: null };
}

// The page's own "click to resend": it keeps the message's id, by which recipients drop a repetition.
async function resend(key, rawId) {
  requireUsable();
  const msg = await findOwn(key, rawId);
  if (!msg) throw new Failure("msg_not_found", "WhatsApp Web does not have the message any more.");
  if (!isStopped(msg) && msg.ack !== -1) return outcomeOf(msg);
  sending.add(rawId);
  onClock.add(rawId);
  try {
    const answer = await Promise.race([msg.resend(), pause(SETTLE_MS)]);
    return await outcomeOf(msg, undefined, answer?.messageSendResult);
  } finally {
    sending.delete(rawId);
  }
}

const calls = {
  resume,
  resolve,
  reserve,
  act,
  answer,
  mayWrite,
  send,
  lookUp,
  resend,
  readMessage,
  saveMedia,
  savePicture,
  logOut: () => WPP.conn.logout(),
  linkByPhone,
  answerPasskey,
  confirmPasskey,
  beginCollecting,
  collectSome,
};

async function call(name, args) {
  try {
    return JSON.stringify({ value: (await calls[name](...args)) ?? null });
  } catch (error) {
    const text = String(error?.message ?? error);
    const code = scalar(error?.code) ?? (error?.name === "Error" ? undefined : scalar(error?.name));
    return JSON.stringify({ error: { code: code ?? null, text, stored: error?.stored ?? error?.isInDoubt ?? false, known: error?.known } });
  }
}

Object.defineProperty(globalThis, agentName, { value: Object.freeze({ call, fileInput, next }) });
