// Calls: while they ring, and how they end. Nothing announces the end but the call's state; its outcome is in the log.

async function watchEnd(id, call, known) {
  if (!CALLS_ENDED.has(call.getState())) return;
  await pause(LOGGED_MS);
  announceCall(id, { ...known, action: "ended" });
}

WPP.on("call.incoming_call", ({ id, peerJid, isVideo }) => {
  const call = callModel(id) ?? { peerJid, isVideo };
  const known = ringing(call);
  announceCall(id, { ...known, action: "offered" });
  call.on?.("change:state", () => void watchEnd(id, call, known));
});

WPP.on("chat.new_message", (msg) => announceLogged(msg));
WPP.loader.onInjected(() => store("MsgStore")?.on("change:callOutcome", (msg) => announceLogged(msg)));
finders.push(async (msg) => announceLogged(msg, msg.t));
