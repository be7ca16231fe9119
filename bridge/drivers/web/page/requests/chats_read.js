// The read mark of a chat.

answerers["chats.read"] = async ({ chat }) => {
  await WPP.chat.markIsRead(address(existingChat(chat).id));
};
