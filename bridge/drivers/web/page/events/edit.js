// Edits. One of a message that is not in memory changes the database without an event.

async function announceEdit(msg) {
  const edit = keyParts(read(msg, "latestEditMsgKey"));
  if (!edit) return;
  const { body } = (readerOf(msg) ?? readAny)(msg);
  const fields = { message_id: String(msg.id), body: body ?? "" };
  const author = address(read(msg, "author")) ?? (msg.id.fromMe ? null : address(msg.id.remote));
  const at = read(msg, "latestEditSenderTimestampMs");
  putEvent("edit", edit.id ?? raw(edit.serialized), msg.id.remote, at, fields, author);
}

WPP.on("chat.msg_edited", ({ msg }) => void announceEdit(msg));
finders.push(announceEdit);
addons.push({
  rows: () => messagesWith("latestEditMsgKey"),
  time: "latestEditSenderTimestampMs",
  announcers: (rows) => rows.map(({ id }) => () => pastMessage(id).then((msg) => msg && announceEdit(msg))),
});
