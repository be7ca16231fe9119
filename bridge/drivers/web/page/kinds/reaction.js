// Reactions. Any text is taken by WhatsApp Web; an empty one takes the reaction back.

actors.reaction = async (msg, { emoji }) => {
  await WPP.chat.sendReactionToMessage(msg, emoji).catch((error) => {
    if (String(error?.message).includes("Reaction send error")) throw new Failure("refused", "WhatsApp refused the reaction.");
    throw error;
  });
};
