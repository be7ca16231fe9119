// The typing indicator, only in an existing chat: it lasts seconds, so no number is looked up and no chat is created.

answerers.typing = async ({ to, seconds }) => {
  const chat = to.map(knownChat).find(Boolean);
  if (!chat) return;
  if (seconds > 0) WPP.chat.markIsComposing(chat.id, Math.round(seconds * 1000)).catch(() => undefined); // answers late
  else await WPP.chat.markIsPaused(chat.id);
};
