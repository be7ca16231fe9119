// Revocations. wa-js only calls the page's interface, and answers before it is done. It would delete another's
// message for this account alone where the account is no admin.

const DONE_MS = 20_000;

async function mayRevoke(msg) {
  if (msg.id.fromMe) return true;
  return msg.id.remote.isGroup() && WPP.group.iAmAdmin(address(msg.id.remote));
}

actors.revoke = async (msg) => {
  if (read(msg, "type") === "revoked") return;
  if (!(await mayRevoke(msg))) {
    throw new Failure("not_allowed", "Only own messages can be deleted for everyone, and in a group by its admins.");
  }
  const rawId = msg.id.id;
  await WPP.chat.deleteMessage(address(msg.id.remote), String(msg.id), false, true);
  const until = performance.now() + DONE_MS;
  while (read(msg, "type") !== "revoked" && !revokedMessage(rawId)) {
    if (performance.now() > until) throw inDoubt("the message is not shown as deleted");
    await pause(50);
  }
};
