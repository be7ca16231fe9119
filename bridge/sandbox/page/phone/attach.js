// Files that a contact sends: chosen with the button beside the text, which becomes the caption.

const part = (id) => document.querySelector(`#${id}`);

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

async function sendFile(file, { chat, author, caption }) {
  const fields = JSON.stringify(await sizeOf(file));
  const query = new URLSearchParams({ chat, type: typeOf(file), filename: file.name, fields });
  if (author) query.set('author', author);
  if (caption) query.set('caption', caption);
  const headers = { 'Content-Type': file.type || 'application/octet-stream' };
  const response = await fetch(`/api/incoming/file?${query}`, { method: 'POST', headers, body: file });
  part('problem').hidden = response.ok;
  if (!response.ok) part('problem').textContent = 'The sandbox refused the file.';
  return response.ok;
}

// `destination` answers {chat, author, caption}, or nothing where a file cannot be sent; `sent` is called after each
// file.
export function offerFiles(destination, sent) {
  part('attach').addEventListener('click', () => part('file').click());
  part('file').addEventListener('change', async () => {
    const to = destination();
    const files = [...part('file').files];
    part('file').value = '';
    for (const file of to ? files : []) if (await sendFile(file, to)) sent();
  });
}
