// The typing indicator, only in an existing chat: it lasts seconds, so no number is looked up and no chat is created.

answerers.typing = async ({ to, seconds }) => {
  const chat = to.map(knownChat).find(Boolean);
  if (!chat) return;
  const id = address(chat.id);
  if (seconds > 0) {
    void showSign(id, seconds);
    return;
  }
  await WPP.chat.markIsPaused(id);
  endSign(id, signs.get(id));
};
