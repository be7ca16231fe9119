// Presence of those whom `contacts.subscribe` named. The page subscribes to others itself, for its screen.

const NAMES = { available: "online", unavailable: "offline", typing: "typing", recording_audio: "recording" };
let reported = 0;

function announcePresence(chatstate) {
  const presence = store("PresenceStore").getModelsArray().find((one) => one.chatstate === chatstate);
  const name = NAMES[read(chatstate, "type")];
  if (!presence || !read(presence, "hasData") || !name || !isFollowed(address(presence.id))) return;
  reported += 1;
  const seen = number(read(chatstate, "t"));
  const fields = { presence: name, ...(name === "offline" && seen && { last_seen: inSeconds(seen) }) };
  putEvent("presence", `${load}:${reported}`, presence.id, serviceTime(), fields, address(presence.id));
}

WPP.loader.onInjected(() => store("PresenceStore")?.on("change:chatstate.type", announcePresence));
