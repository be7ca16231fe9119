// Reactions. Each is a message with an id of its own; taken back, its text is empty.

function announceReaction(id, msgId, emoji, sender, t) {
  const key = keyParts(msgId);
  const author = address(sender);
  const chat = key?.remote ?? key?.serialized?.split("_")[1];
  const fields = { message_id: String(msgId), emoji: emoji ?? "", author };
  putEvent("reaction", `${raw(String(id))}:${emoji ?? ""}`, chat, t, fields, author);
}

WPP.on("chat.new_reaction", ({ id, msgId, reactionText, sender, timestamp }) =>
  announceReaction(id, msgId, reactionText, sender, timestamp));

async function announceReactions(key, since) {
  const found = await WPP.chat.getReactions(String(key)).catch(unlessGone);
  for (const { id, reactionText, sender, timestamp } of (found?.reactions ?? []).flatMap(({ senders }) => senders)) {
    if (inSeconds(timestamp) >= since) announceReaction(id, key, reactionText, sender, timestamp);
  }
}

addons.push({
  rows: () => WPP.loader.loadModule("WAWebSchemaReactions").getReactionsTable().all(),
  time: "timestamp",
  announcers: (rows) => rows.map(({ msgKey, parentMsgKey, reactionText, senderUserJid, timestamp }) => async () =>
    announceReaction(msgKey, parentMsgKey, reactionText, senderUserJid, timestamp)),
  mayHave: (msg) => Boolean(read(msg, "hasReaction")),
  announce: announceReactions,
});
