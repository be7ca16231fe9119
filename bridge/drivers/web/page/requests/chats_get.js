// One chat, from memory.

answerers["chats.get"] = ({ chat }) => chatEntry(existingChat(chat));
