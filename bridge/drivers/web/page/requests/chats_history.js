// Messages of a chat, read backwards from the page's stores, and on request from the phone.

const FROM_PHONE_MS = 15_000;

// What the page has before a message, oldest first. Without one: the newest, which are in memory first.
async function olderMessages(chat, before, count) {
  if (before) return WPP.chat.getMessages(chat, { count, direction: "before", id: before });
  const rows = await newestRows(chat, count);
  const model = WPP.chat.get(chat);
  return (await withNewest(withMemory(rows, model?.msgs?.getModelsArray?.() ?? []), model?.lastReceivedKey)).slice(-count);
}

// Nothing announces what the phone sends: it appears in the database.
async function askPhone(chat, before, count) {
  const { sendPeerDataOperationRequest } = window.require("WAWebSendNonMessageDataRequest");
  await sendPeerDataOperationRequest(3, { chatId: WPP.util.createWid(chat) });
  for (const until = performance.now() + FROM_PHONE_MS; performance.now() < until; await pause(500)) {
    const found = await olderMessages(chat, before, count);
    if (found.length) return found;
  }
  return [];
}

answerers["chats.history"] = async ({ chat, before, limit, from_phone: fromPhone }) => {
  const id = address(existingChat(chat).id);
  let found = await olderMessages(id, before, limit);
  if (!found.length && before && fromPhone) found = await askPhone(id, before, limit);
  return { chat: id, messages: found.map(messageItem), complete: found.length < limit };
};
