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

finders.push(async (msg, { actsSince }) => {
  if (!read(msg, "hasReaction")) return;
  const { reactions } = await WPP.chat.getReactions(String(msg.id));
  for (const { id, reactionText, sender, timestamp } of reactions.flatMap(({ senders }) => senders)) {
    if (inSeconds(timestamp) >= actsSince) announceReaction(id, msg.id, reactionText, sender, timestamp);
  }
});
