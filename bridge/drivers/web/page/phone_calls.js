// Incoming calls. WhatsApp Web keeps a model of each, and writes a message of type call_log when it is over.

const LOGGED_MS = 5_000;
const CALLS_ENDED = new Set([0, 7, 13]); // none, active elsewhere, ending
const OUTCOMES = { Missed: "missed", Rejected: "rejected" };
const NOT_OVER = new Set([undefined, "Ongoing"]);

function callModel(id) {
  const calls = store("CallStore");
  const active = read(calls ?? {}, "activeCall");
  return active?.id === id ? active : attempt(() => calls?.get(id));
}

// The end is one event, however often the page shows it.
function announceCall(id, { chat, caller, video, t, action }) {
  const once = action === "offered" ? `${id}:offered` : `${id}:over`;
  putEvent("call", once, chat, t, { call_id: id, action, video: Boolean(video) }, address(caller));
}

function announceLogged(msg, t) {
  if (read(msg, "type") !== "call_log" || msg.id.fromMe) return;
  const outcome = read(msg, "callOutcome");
  if (NOT_OVER.has(outcome)) return;
  const caller = read(msg, "callCreator") ?? read(msg, "from");
  const action = OUTCOMES[outcome] ?? "ended";
  announceCall(msg.id.id, { chat: msg.id.remote, caller, video: read(msg, "isVideoCall"), t, action });
}

// What is known of a call that rings.
function ringing(call) {
  const caller = address(read(call, "peerJid"));
  const chat = address(read(call, "groupJid")) ?? address(knownChat(caller)?.id) ?? caller;
  return { chat, caller, video: read(call, "isVideo") };
}
