// Files that Python puts into the page by `<input type=file>`, which takes a fraction of the time of a call's argument.

const inputs = new Map(); // raw id of the message -> its input

function fileInput(rawId) {
  const input = Object.assign(document.createElement("input"), { type: "file" });
  inputs.set(rawId, input);
  return input;
}

// In the page's memory, since the file on disk may go while WhatsApp Web still uploads it.
async function takeFile(rawId, { mimetype, filename }) {
  const [file] = inputs.get(rawId)?.files ?? [];
  inputs.delete(rawId);
  return file && new File([await file.arrayBuffer()], filename, { type: mimetype });
}

const sendFile = (chat, { caption, view_once }, { file, linkPreview, ...options }, own) =>
  WPP.chat.sendFileMessage(chat, file, { ...options, detectMentioned: false, caption, isViewOnce: view_once, ...own });
