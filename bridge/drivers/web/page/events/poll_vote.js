// Votes. Each replaces the person's vote before; one without answers withdraws it.

function announceVote(key, chosen, sender, at) {
  const author = address(sender);
  const selected = chosen.filter(Boolean).map((option) => text(read(option, "name"))).filter(Boolean);
  const parts = keyParts(key);
  const fields = { message_id: String(key), selected, author };
  putEvent("poll_vote", `${parts.id ?? raw(parts.serialized)}:${author}:${at}`, parts.remote, at, fields, author);
}

WPP.on("chat.poll_response", ({ msgId, selectedOptions, timestamp, sender }) =>
  announceVote(msgId, selectedOptions, sender, timestamp));

finders.push(async (msg, { actsSince }) => {
  if (read(msg, "type") !== "poll_creation") return;
  const { votes } = await WPP.chat.getVotes(String(msg.id));
  for (const { selectedOptions, timestamp, sender } of votes) {
    if (inSeconds(timestamp) >= actsSince) announceVote(msg.id, selectedOptions, sender, timestamp);
  }
});
