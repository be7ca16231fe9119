// Pinning. The service lets a few chats be pinned.

const PIN_LIMIT = 405;

answerers["chats.pin"] = async ({ chat, on }) => {
  const known = existingChat(chat);
  if (Boolean(read(known, "pin")) === on) return;
  await WPP.chat.pin(address(known.id), on).catch((error) => {
    if (error?.status === PIN_LIMIT) throw new Failure("limit_reached", "No more chats can be pinned: take another one down first.");
    throw refusedBy(error);
  });
};
