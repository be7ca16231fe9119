// The typing indicator. Only in a chat that exists: for a sign that lasts seconds no number is looked up and no chat is made.

answerers.typing = async ({ to, seconds }) => {
  const chat = to.map(knownChat).find(Boolean);
  if (!chat) return;
  if (seconds > 0) WPP.chat.markIsComposing(chat.id, Math.round(seconds * 1000)).catch(() => undefined); // answers late
  else await WPP.chat.markIsPaused(chat.id);
};
