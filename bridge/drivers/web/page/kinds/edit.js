// Edits. wa-js's own call edits only what this page sent since its load, and does not check the time, so its parts are used.
// The page shows the new text at once; a refusal leaves no other trace than `isSendFailure`.

const EDITABLE_S = 15 * 60;
const isText = (msg) => read(msg, "type") === "chat";

function requireEditable(msg) {
  if (!msg.id.fromMe) throw new Failure("not_allowed", "Only own messages can be edited.");
  if (!isText(msg) && !text(read(msg, "caption"))) throw new Failure("refused", "This message has no text to edit.");
  if (read(msg, "isForwarded")) throw new Failure("refused", "WhatsApp does not let a forwarded message be edited.");
  if (serviceTime() - msg.t > EDITABLE_S) {
    throw new Failure("refused", "WhatsApp lets a message be edited for 15 minutes, and this one is older. Send a new one.");
  }
}

actors.edit = async (msg, { message }) => {
  const shown = isText(msg) ? read(msg, "body") : read(msg, "caption");
  if (shown === message && read(msg, "latestEditMsgKey") && !read(msg, "isSendFailure")) return;
  requireEditable(msg);
  if (msg.ack > 0) msg.isSendFailure = false; // the page does not reset it; of a message that did not go out it says that
  const chat = address(msg.id.remote);
  const key = await WPP.chat.generateMessageID(chat);
  const edit = {
    type: "protocol",
    subtype: "message_edit",
    protocolMessageKey: msg.id,
    body: message,
    caption: message,
    editMsgType: msg.type,
    latestEditMsgKey: key,
    latestEditSenderTimestampMs: serviceTime(),
  };
  await WPP.chat.sendRawMessage(chat, edit, { messageId: key, markIsRead: false, linkPreview: false });
  if (read(msg, "isSendFailure")) throw new Failure("refused", "WhatsApp refused the edit.");
};
