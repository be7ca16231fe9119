// Messages and ticks as the page announces them. Nothing is filtered here: wa-js announces an undecrypted message twice,
// the second time with its text, and that it is there has to be known, since the text may come after the next load.

WPP.on("chat.new_message", (msg) => put(messageItem(msg)));
WPP.on("chat.msg_ack_change", ({ ack, ids }) => {
  for (const id of ids ?? []) tick(id, ack);
});
WPP.loader.onInjected(() => {
  // wa-js listens for ticks only once it is fully ready, and never tells an error (negative ack)
  store("MsgStore")?.on("change:ack", (msg) => {
    if (msg.id?.fromMe) tick(msg.id, msg.ack);
  });
});

// For a message that catch-up found undecrypted: wa-js announces only new ones.
function putWhenDecrypted(msg) {
  if (read(msg, "type") !== "ciphertext" || typeof msg.once !== "function") return;
  msg.once("change:type", () => put(messageItem(msg)));
}
