// What the page makes of a file before it is uploaded. Pictures are drawn again as JPEG, so their bytes change; films,
// audio and documents stay as they are.

import { OpaqueData } from './opaque_data.js';

const MB = 1024 * 1024;
const MAX_EDGE = 1600;
const STICKER_EDGE = 512;
const PREVIEW_EDGE = 100;
// The account's limits; the real ones are properties of the account, up to 64 MB.
const LIMITS = { document: 2048 * MB };

class MediaFileFailedLoad extends Error {
  name = 'MediaFileFailedLoad';
}
class MediaFileEmpty extends Error {
  name = 'MediaFileEmpty';
}
class MediaFileTooLargeError extends Error {
  name = 'MediaFileTooLargeError';
}

export const getUploadLimit = (type) => LIMITS[type] ?? 16 * MB;

const base64 = (bytes) => btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''));

export async function calculateFilehash(blob) {
  return base64(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
}

async function draw(bitmap, width, height, type) {
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width)), Math.max(1, Math.round(height)));
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type, quality: 0.8 });
}

async function previewOf(bitmap) {
  const scale = Math.min(1, PREVIEW_EDGE / Math.max(bitmap.width, bitmap.height));
  const blob = await draw(bitmap, bitmap.width * scale, bitmap.height * scale, 'image/jpeg');
  return base64(await blob.arrayBuffer());
}

async function bitmapOf(data) {
  try {
    return await createImageBitmap(data.forceToBlob());
  } catch {
    throw new MediaFileFailedLoad('The picture cannot be decoded.');
  }
}

async function processRawImage(data, { maxDimension = MAX_EDGE }) {
  const bitmap = await bitmapOf(data);
  const scale = Math.min(1, maxDimension / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const blob = await draw(bitmap, width, height, 'image/jpeg');
  return {
    type: 'image', mediaBlob: await OpaqueData.createFromData(blob, blob.type), mimetype: blob.type,
    fullWidth: width, fullHeight: height, preview: await previewOf(bitmap),
  };
}

async function processRawSticker(data) {
  const bitmap = await bitmapOf(data);
  const blob = await draw(bitmap, STICKER_EDGE, STICKER_EDGE, 'image/webp');
  return {
    type: 'sticker', mediaBlob: await OpaqueData.createFromData(blob, blob.type), mimetype: blob.type,
    fullWidth: STICKER_EDGE, fullHeight: STICKER_EDGE,
  };
}

// Length and size of a film or audio; none of a format that the browser cannot play.
function metadataOf(data, tag) {
  const element = document.createElement(tag);
  return new Promise((resolve) => {
    element.addEventListener('loadedmetadata', () => resolve({
      duration: Number.isFinite(element.duration) ? String(Math.floor(element.duration)) : '',
      fullWidth: element.videoWidth, fullHeight: element.videoHeight,
    }));
    element.addEventListener('error', () => resolve({ duration: '' }));
    element.src = data.url();
  });
}

async function processRawAudioVideo(data, isPtt, precomputed, asGif) {
  const mimetype = data.type();
  const tag = mimetype.startsWith('video/') ? 'video' : 'audio';
  const found = await metadataOf(data, tag);
  return {
    type: isPtt ? 'ptt' : tag, mediaBlob: data, mimetype, isGif: asGif, ...found,
    ...(precomputed && { duration: String(precomputed.duration), waveform: Array.from(precomputed.waveform) }),
  };
}

const processRawDocument = async (data) => ({ type: 'document', mediaBlob: data, mimetype: data.type() });

// A chunk of frames in its container.
const isAnimatedWebp = (buffer) => String.fromCharCode(...new Uint8Array(buffer.slice(0, 64))).includes('ANIM');

export const functions = { processRawAudioVideo, processRawDocument, processRawImage, processRawSticker, isAnimatedWebp };

export async function processRawMedia(data, options, use) {
  const [family] = data.type().split('/');
  const byType = ['image', 'video', 'audio'].includes(family) ? family : 'document';
  const type = options.asDocument ? 'document' : options.asSticker ? 'sticker' : byType;
  if (data.size() > getUploadLimit(type)) throw new MediaFileTooLargeError(`${type} of ${data.size()} bytes`);
  if (data.size() === 0) throw new MediaFileEmpty('The file is empty.');
  switch (type) {
    case 'image': return use.processRawImage(data, options);
    case 'sticker': return use.processRawSticker(data);
    case 'document': return use.processRawDocument(data);
    default: return use.processRawAudioVideo(data, options.isPtt, options.precomputedFields, options.asGif);
  }
}
