// The unread mark of a chat. The page swallows the service's refusal, so its own mark decides.

answerers["chats.unread"] = async ({ chat }) => {
  const known = existingChat(chat);
  await WPP.chat.markIsUnread(address(known.id));
  await confirmed(() => read(known, "unreadCount") !== 0, "the chat as unread");
};
