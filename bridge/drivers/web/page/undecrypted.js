// Messages that cannot be read yet. Only a new one in the page's memory announces its text: for all others WhatsApp
// changes its database without an event. So each is looked up by its id, every few minutes.

const MOST_WITHOUT_TEXT = 200; // as many as the session tracks
const withoutText = new Map(); // id -> {key, misses}

// Called for each message that is reported.
function awaitText(msg) {
  const id = idOf(msg);
  withoutText.delete(id);
  if (read(msg, "type") === "ciphertext") withoutText.set(id, { key: keyParts(msg.id), misses: 0 });
  if (withoutText.size > MOST_WITHOUT_TEXT) withoutText.delete(withoutText.keys().next().value);
}

// A revoked message has the id of its revocation, so it is not found any more. Once may be chance.
function missed(id, waiting) {
  waiting.misses += 1;
  if (waiting.misses < 2) return;
  withoutText.delete(id);
  put({ kind: "message", at: serviceTime(), key: waiting.key, type: "revoked" });
}

async function lookForTexts() {
  for (const [id, waiting] of [...withoutText]) {
    if (!usable()) return;
    const msg = await WPP.chat.getMessageById(id).catch((error) => (error?.code === "msg_not_found" ? null : undefined));
    if (withoutText.get(id) !== waiting) continue; // announced meanwhile
    if (msg === null) missed(id, waiting);
    if (!msg || read(msg, "type") === "ciphertext") continue;
    withoutText.delete(id);
    put(messageItem(msg));
  }
}

function keepLooking() {
  setTimeout(() => lookForTexts().finally(keepLooking), undecryptedMs);
}
keepLooking();
