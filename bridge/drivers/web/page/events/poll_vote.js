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

async function announceVotes(poll, since) {
  const { msgId, votes } = await WPP.chat.getVotes(String(poll));
  for (const { selectedOptions, timestamp, sender } of votes) {
    if (inSeconds(timestamp) >= since) announceVote(msgId, selectedOptions, sender, timestamp);
  }
}

addons.push({
  rows: () => WPP.whatsapp.functions.getTableVotes().all(),
  time: "senderTimestampMs",
  announceRows: async (rows, since) => {
    const polls = new Set(rows.map(({ parentMsgKey }) => String(parentMsgKey)));
    for (const poll of polls) await announceVotes(poll, since).catch(() => undefined); // one that is gone
  },
  mayHave: (msg) => read(msg, "type") === "poll_creation",
  announce: announceVotes,
});
