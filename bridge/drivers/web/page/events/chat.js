// Marks of chats as they change, on the phone or here. What changes in one step is one event.

const changed = new Map(); // chat -> the marks that changed
let announced = 0;

function announceMarks() {
  for (const [chat, fields] of changed) {
    announced += 1;
    putEvent("chat", `${load}:${announced}`, chat, serviceTime(), fields);
  }
  changed.clear();
}

// Not before the page is usable: the marks that come with a pairing are no changes.
function note({ id }, fields) {
  if (!usable() || ["newsletter", "broadcast"].includes(id?.server)) return;
  if (!changed.size) queueMicrotask(announceMarks);
  changed.set(address(id), { ...changed.get(address(id)), ...fields });
}

function noteUnread(chat) {
  const count = number(read(chat, "unreadCount"));
  if (count === 0 || count === -1) note(chat, { read: count === 0 }); // other counts are messages, which come on `in`
}

function noteMute(mute) {
  const until = number(read(mute, "expiration")) ?? 0;
  note(mute, { muted: until !== 0, muted_until: until });
}

WPP.loader.onInjected(() => {
  const chats = store("ChatStore");
  chats?.on("change:archive", (chat) => note(chat, { archived: Boolean(read(chat, "archive")) }));
  chats?.on("change:pin", (chat) => note(chat, { pinned: Boolean(read(chat, "pin")) }));
  chats?.on("change:unreadCount", noteUnread);
  store("MuteStore")?.on("change:expiration", noteMute);
});
