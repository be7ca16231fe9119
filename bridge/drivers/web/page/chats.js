// The chats of the page's store, and what is confirmed by it alone.

function existingChat(forms) {
  const known = forms.map(knownChat).find(Boolean);
  if (!known) throw new Failure("chat_not_found", `there is no chat with ${forms[0]}`);
  return known;
}

function chatEntry(chat) {
  const id = address(chat.id);
  const mute = read(chat, "mute");
  const last = chat.msgs?.getModelsArray?.().at(-1);
  return {
    chat: id,
    name: text(read(chat, "formattedTitle")) ?? text(read(chat, "name")) ?? nameOf(aliases(id)) ?? null,
    group: chat.id.server === "g.us",
    unread: number(read(chat, "unreadCount")) ?? 0,
    archived: Boolean(read(chat, "archive")),
    pinned: Boolean(read(chat, "pin")),
    muted_until: number(read(mute ?? {}, "expiration")) || null,
    at: number(read(chat, "t")) ?? null,
    last: last ? messageItem(last) : null,
  };
}

// For a call that returns before it is done, or that swallows a refusal.
async function confirmed(isDone, what) {
  for (const until = performance.now() + confirmMs; !isDone(); await pause(50)) {
    if (performance.now() > until) throw inDoubt(`it does not show ${what}`);
  }
}

// What the service refuses is an error with its status.
function refusedBy(error, meanings = {}) {
  const status = number(error?.status) ?? number(error?.statusCode);
  return status === undefined ? error : new Failure(meanings[status] ?? "refused", `WhatsApp refused it (${status}).`);
}
