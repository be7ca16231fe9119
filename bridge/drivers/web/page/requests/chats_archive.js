// The archive. The call rings a bell for the page's interface and returns before it is done; repeated, it would throw.

answerers["chats.archive"] = async ({ chat, on }) => {
  const known = existingChat(chat);
  const isDone = () => Boolean(read(known, "archive")) === on;
  if (isDone()) return;
  await WPP.chat.archive(address(known.id), on);
  await confirmed(isDone, on ? "the chat in the archive" : "the chat outside the archive");
};
