// Polls.

senders.poll = (chat, { name, options, max }, sent) =>
  WPP.chat.sendCreatePollMessage(chat, name, options, { ...sent, selectableCount: max ?? 0 });

readers.poll_creation = (msg) => {
  const name = text(read(msg, "pollName"));
  const options = read(msg, "pollOptions");
  return {
    body: name,
    poll: {
      name: name ?? "",
      options: (Array.isArray(options) ? options : []).map((option) => text(read(option, "name"))).filter(Boolean),
      max: number(read(msg, "pollSelectableOptionsCount")) || undefined,
    },
  };
};
