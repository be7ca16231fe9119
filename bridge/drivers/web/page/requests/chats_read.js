// The read mark of a chat.

answerers["chats.read"] = async ({ chat }) => {
  const known = chat.map(knownChat).find(Boolean);
  if (!known) throw new Failure("chat_not_found", `there is no chat with ${chat[0]}`);
  await WPP.chat.markIsRead(address(known.id));
};
