// Acts on existing messages. Doing one again changes nothing, so the session repeats one whose answer was lost.

const inDoubt = (text) => Object.assign(new Error(text), { isInDoubt: true });

// A time of the page in unix seconds; some are milliseconds.
const inSeconds = (time) => (time > 1e11 ? time / 1000 : time);
const raw = (id) => (id.includes("_") ? id.split("_")[2] : id);

// A revoked message has the id of its revocation.
const revokedMessage = (rawId) =>
  memory().find((msg) => read(msg, "type") === "revoked" && keyParts(read(msg, "protocolMessageKey"))?.id === rawId);

async function actedMessage(chat, id) {
  const msg = await namedMessage(chat, id);
  const forms = [chat, ...Object.values(aliases(chat))];
  if (!forms.includes(address(msg.id.remote))) {
    throw new Failure("msg_not_found", "The message is in another chat than to names: give its whole message_id without to.");
  }
  return msg;
}

async function act(chat, kind, value) {
  requireUsable();
  const revoked = kind === "revoke" && revokedMessage(raw(value.message_id));
  if (revoked) return keyParts(revoked.protocolMessageKey);
  const msg = await actedMessage(chat, value.message_id);
  const key = keyParts(msg.id); // a revocation changes it
  await actors[kind](msg, value);
  return key;
}
