// Files of messages: WhatsApp Web downloads, decrypts and checks one; the browser then saves it as a file of this machine.
// Its bytes never pass through a call: 64 MB as text take seconds and gigabytes.

// What the page's stage of a file means after a download that brought nothing. Others mean: try again.
const STAGES = { REUPLOADING: "media_reuploading", ERROR_MISSING: "media_missing" };
const SAVING_MS = 60_000;
// Chromium silently drops what a page saves beyond ten files a second.
const BURST = 8;
const BURST_MS = 1200;
const saves = []; // times of the last ones

async function findMessage(key) {
  for (const form of keysOf(key)) {
    const msg = await pastMessage(form);
    if (msg) return { key: form, msg };
  }
  return null;
}

async function messageOf(key) {
  const found = await findMessage(key);
  if (!found) throw new Failure("msg_not_found", "WhatsApp Web does not have the message any more.");
  return found;
}

async function readMessage(key) {
  requireUsable();
  const found = await findMessage(key);
  return found && messageItem(found.msg);
}

function stageOf(msg) {
  return scalar(read(read(msg, "mediaData") ?? {}, "mediaStage"));
}

// After a failure wa-js throws the same object for every cause.
async function blobOf({ key, msg }, milliseconds) {
  const failed = (text) => new Failure(STAGES[stageOf(msg)] ?? "media_failed", `${text} (${stageOf(msg) ?? "no stage"})`);
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(failed("The file did not come in time")), milliseconds);
  });
  try {
    const download = WPP.chat.downloadMedia(key).catch(() => {
      throw failed("WhatsApp Web did not download the file");
    });
    return await Promise.race([download, late]); // an expired file waits for the phone, which may be off
  } finally {
    clearTimeout(timer);
  }
}

async function saveTurn() {
  const earlier = saves.length < BURST ? 0 : saves.shift() + BURST_MS;
  const at = Math.max(performance.now(), earlier);
  saves.push(at);
  await pause(at - performance.now());
}

// Saves the file of a message under `name`, which the browser reports; at most `limit` bytes.
async function saveMedia(key, name, limit, milliseconds) {
  requireUsable();
  const blob = await blobOf(await messageOf(key), milliseconds);
  await saveBlob(blob, name, limit);
  return { size: blob.size };
}

async function saveBlob(blob, name, limit) {
  if (blob.size > limit) throw new Failure("media_too_large", `It has ${blob.size} bytes.`);
  await saveTurn();
  const url = URL.createObjectURL(blob);
  setTimeout(() => URL.revokeObjectURL(url), SAVING_MS);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}
