// Messages and acks as the page announces them, unfiltered. wa-js announces an undecrypted message twice, the second time
// with its text. The first one must be reported too: the text may arrive only after the next load.

WPP.on("chat.new_message", (msg) => {
  if (sending.has(msg.id?.id)) putQuietly(messageItem(msg));
  else put(messageItem(msg));
  awaitText(msg);
});
WPP.on("chat.msg_ack_change", ({ ack, ids }) => {
  for (const id of ids ?? []) putAck(id, ack);
});
WPP.loader.onInjected(() => {
  // wa-js listens for acks only once it is fully ready, and never announces an error (negative ack)
  store("MsgStore")?.on("change:ack", (msg) => {
    if (msg.id?.fromMe) putAck(msg.id, msg.ack);
  });
  store("MsgStore")?.on("change:isSendFailure", (msg) => {
    if (msg.id?.fromMe && isStopped(msg)) putStopped(msg.id);
  });
});
