// Files to send: chosen with the button beside the text, dropped on the conversation or pasted into it. The text
// becomes the caption.

import { part } from './element.js';
import { request } from './world.js';

// WhatsApp's type of a file: voice notes are Ogg, stickers WebP.
function typeOf({ type }) {
  if (type === 'image/webp') return 'sticker';
  if (type === 'audio/ogg') return 'ptt';
  const [family] = type.split('/');
  return ['image', 'video', 'audio'].includes(family) ? family : 'document';
}

async function sizeOf(file) {
  if (!file.type.startsWith('image/')) return {};
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  return bitmap ? { width: bitmap.width, height: bitmap.height } : {};
}

// What a video can go as instead, by the name of its button.
export const VIDEOS = { gif: { type: 'video', isGif: true }, ptv: { type: 'ptv' } };

async function sendFile(file, destination, { type = typeOf(file), ...marks } = {}) {
  const fields = JSON.stringify({ ...await sizeOf(file), ...marks });
  const named = Object.entries(destination).filter(([, value]) => value);
  const query = new URLSearchParams([...named, ...Object.entries({ type, filename: file.name, fields })]);
  const headers = { 'Content-Type': file.type || 'application/octet-stream' };
  return request(`incoming/file?${query}`, { method: 'POST', headers, body: file });
}

// `take()` says where the files go and what only the first one has, and how that is put back where it is not sent;
// `sent` is called after each. Returns what lets the person choose a video, to go as one of `VIDEOS`.
export function offerFiles(take, sent) {
  const open = part('open'), chooser = part('file');
  let as; // of `VIDEOS`, for the files that are chosen next

  async function sendAll(files, as) {
    if (!files.length) return;
    const { to, first, putBack } = take();
    for (const [index, file] of [...files].entries()) {
      if (await sendFile(file, index ? to : { ...to, ...first }, as)) sent();
      else if (!index) putBack();
    }
  }

  function choose(video) {
    as = video;
    chooser.accept = video ? 'video/*' : '';
    chooser.click();
  }

  part('attach').addEventListener('click', () => choose());
  chooser.addEventListener('change', async () => {
    const video = as;
    as = undefined;
    await sendAll(chooser.files, video);
    chooser.value = '';
  });
  open.addEventListener('dragover', () => open.classList.add('dropping'));
  open.addEventListener('dragleave', () => open.classList.remove('dropping'));
  open.addEventListener('drop', ({ dataTransfer }) => {
    open.classList.remove('dropping');
    void sendAll(dataTransfer.files);
  });
  // A file beside the conversation is not opened in its place.
  for (const name of ['dragover', 'drop']) {
    addEventListener(name, (event) => {
      if (event.dataTransfer.types.includes('Files')) event.preventDefault();
    });
  }
  // A table is pasted as its text, not as its picture.
  document.addEventListener('paste', (event) => {
    const { files, types } = event.clipboardData;
    if (open.hidden || !files.length || types.includes('text/plain') || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    void sendAll(files);
  });
  return choose;
}
