// Forwarded messages. WhatsApp Web makes the copy and gives it an id of its own, which is reported before anything else about
// the copy: the session then knows it as the message of the command.

const NOT_FORWARDED = new Set(["poll_creation", "revoked", "ciphertext", "event_creation"]);

// Calls `found` with the first own forwarded message that is added to the chat.
function watchForCopy(chat, found) {
  const messages = store("MsgStore");
  const added = (msg) => {
    if (!msg.id?.fromMe || !msg.isForwarded || msg.ack || address(msg.id.remote) !== chat) return;
    messages.off("add", added);
    found(msg);
  };
  messages.on("add", added);
  return () => messages.off("add", added);
}

senders.forward = async (chat, { message_id }, { messageId }) => {
  const msg = await namedMessage(chat, message_id);
  if (NOT_FORWARDED.has(read(msg, "type"))) throw new Failure("refused", "WhatsApp Web does not forward such a message.");
  const rawId = raw(messageId);
  let given;
  const stop = watchForCopy(chat, (copy) => {
    given = { kind: "id_given", reserved: keyParts(messageId), key: keyParts(copy.id) };
    onClock.delete(rawId);
    onClock.add(copy.id.id);
    put(given);
  });
  try {
    const failed = await WPP.chat.forwardMessages(chat, [msg], { displayCaptionText: true });
    if (!given && failed?.length) throw new Failure("refused", "WhatsApp Web could not load the file of the message.");
    if (!given) throw inDoubt("the page shows no copy of the message");
    while (items.includes(given)) await pause(20);
    givenIds.set(rawId, given.key.id);
    return {};
  } catch (error) {
    throw Object.assign(error, given && { isInDoubt: true });
  } finally {
    stop();
  }
};
