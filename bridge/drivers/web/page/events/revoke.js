// Revocations. The message stays in the page, without its text and under the id of the revocation.

function announceRevocation(original, sender, fallback) {
  const key = keyParts(original);
  if (!key) return;
  const by = address(sender) ?? address(fallback) ?? null;
  const chat = key.remote ?? key.serialized?.split("_")[1];
  putEvent("revoke", key.id ?? raw(key.serialized), chat, undefined, { message_id: String(original), by }, by);
}

const announceRevoked = (msg) => announceRevocation(
  read(msg, "protocolMessageKey"), read(msg, "revokeSender") ?? read(msg, "author"), read(msg, "from"));

WPP.on("chat.msg_revoke", ({ refId, author, from }) => announceRevocation(refId, author, from));
WPP.loader.onInjected(() => {
  // those of this account, done here
  store("MsgStore")?.on("change:type", (msg) => queueMicrotask(() => read(msg, "type") === "revoked" && announceRevoked(msg)));
});
const findRevoked = async (msg) => {
  if (read(msg, "type") === "revoked") announceRevoked(msg);
};
finders.push(findRevoked);
addons.push({
  rows: () => messagesWith("protocolMessageKey"),
  time: "t",
  span: REVOCABLE,
  announcers: (rows) => rows.map((row) => () => findRevoked(row)),
});
