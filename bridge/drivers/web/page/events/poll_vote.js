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
  const found = await WPP.chat.getVotes(String(poll)).catch(unlessGone);
  for (const { selectedOptions, timestamp, sender } of found?.votes ?? []) {
    if (inSeconds(timestamp) >= since) announceVote(found.msgId, selectedOptions, sender, timestamp);
  }
}

addons.push({
  rows: () => WPP.whatsapp.functions.getTableVotes().all(),
  time: "senderTimestampMs",
  announcers: (rows, since) => {
    const polls = new Set(rows.map(({ parentMsgKey }) => String(parentMsgKey)));
    return [...polls].map((poll) => () => announceVotes(poll, since));
  },
  mayHave: (msg) => read(msg, "type") === "poll_creation",
  announce: announceVotes,
});
