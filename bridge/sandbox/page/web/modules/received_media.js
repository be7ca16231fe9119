// Files of received messages: downloaded, checked and decrypted when the page is asked for them. Pictures, stickers and
// voice notes stay in a cache by their hash; any other file stays in its message.

import { socket } from '../socket.js';
import { Model } from '../model.js';
import { register } from '../registry.js';
import { fromServers } from './file_servers.js';
import { Msg } from './messages.js';

const CACHED = new Set(['image', 'sticker', 'ptt']);
const PURPOSES = { image: 'Image', sticker: 'Image', video: 'Video', ptv: 'Video', audio: 'Audio', ptt: 'Audio' };
const MAC_BYTES = 10;

class ReceivedMediaData extends Model {}
ReceivedMediaData.prototype.proxyName = 'media-data';

class BlobCache {
  #blobs = new Map();

  has(filehash) {
    return this.#blobs.has(filehash);
  }

  get(filehash) {
    return this.#blobs.get(filehash);
  }

  put(filehash, blob) {
    this.#blobs.set(filehash, blob);
  }

  clear() {
    this.#blobs.clear();
  }
}
const cache = new BlobCache();
const downloads = new Map(); // message -> the download that runs

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const base64Of = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(''));
const sha256 = async (bytes) => base64Of(await crypto.subtle.digest('SHA-256', bytes));

async function keysOf(mediaKey, type) {
  const base = await crypto.subtle.importKey('raw', bytesOf(mediaKey), 'HKDF', false, ['deriveBits']);
  const info = new TextEncoder().encode(`WhatsApp ${PURPOSES[type] ?? 'Document'} Keys`);
  const bits = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }, base, 112 * 8);
  return { iv: bits.slice(0, 16), cipher: bits.slice(16, 48), mac: bits.slice(48, 80) };
}

async function decrypt(encrypted, { mediaKey, type }) {
  const keys = await keysOf(mediaKey, type);
  const content = encrypted.slice(0, -MAC_BYTES);
  const macKey = await crypto.subtle.importKey('raw', keys.mac, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', macKey, await new Blob([keys.iv, content]).arrayBuffer());
  if (base64Of(mac.slice(0, MAC_BYTES)) !== base64Of(encrypted.slice(-MAC_BYTES))) throw new Error('wrong MAC');
  const key = await crypto.subtle.importKey('raw', keys.cipher, 'AES-CBC', false, ['decrypt']);
  return crypto.subtle.decrypt({ name: 'AES-CBC', iv: keys.iv }, key, content);
}

async function fetchFile(msg) {
  const { status, content: encrypted } =
    await fromServers(msg.directPath, { cache: 'no-store' }, (response) => response.arrayBuffer());
  if (status === 404 || status === 410) return { expired: true };
  if (!encrypted) throw new Error(`HTTP ${status}`);
  if ((await sha256(encrypted)) !== msg.encFilehash) throw new Error('wrong hash');
  const content = await decrypt(encrypted, msg);
  if ((await sha256(content)) !== msg.filehash) throw new Error('wrong hash');
  return { blob: new Blob([content], { type: msg.mimetype }) };
}

// The phone uploads an expired file again. A phone that is off does not answer, and the download then never ends.
async function askPhone(msg) {
  msg.mediaData.mediaStage = 'REUPLOADING';
  const answer = await socket.service('media_retry', { key: msg.id.toString() });
  if (!answer) return new Promise(() => {});
  if (answer.directPath) msg.directPath = answer.directPath;
  return Boolean(answer.directPath);
}

async function download(msg) {
  try {
    msg.mediaData.mediaStage = 'FETCHING';
    let found = await fetchFile(msg);
    if (found.expired) found = (await askPhone(msg)) ? await fetchFile(msg) : found;
    if (found.expired) {
      msg.mediaData.mediaStage = 'ERROR_MISSING';
      return;
    }
    if (CACHED.has(msg.type)) cache.put(msg.filehash, found.blob);
    else msg.mediaData.mediaBlob = { forceToBlob: () => found.blob };
    msg.mediaData.mediaStage = 'RESOLVED';
  } catch {
    msg.mediaData.mediaStage = 'NEED_POKE'; // the page asks the person to try again, and rejects nothing
  }
}

Object.defineProperty(Msg.prototype, 'mediaData', {
  get() {
    if (!this.mimetype || !this.directPath) return undefined;
    this.receivedMedia ??= new ReceivedMediaData({
      mediaStage: 'INIT', mediaBlob: undefined, filehash: this.filehash, mimetype: this.mimetype, type: this.type,
    });
    return this.receivedMedia;
  },
});

Msg.prototype.downloadMedia = function downloadMedia() {
  if (!downloads.has(this) || this.mediaData.mediaStage === 'REUPLOADING') {
    const running = download(this).finally(() => {
      if (downloads.get(this) === running) downloads.delete(this);
    });
    downloads.set(this, running);
  }
  return downloads.get(this);
};

register({
  WAWebMediaInMemoryBlobCache: { InMemoryMediaBlobCacheImpl: BlobCache, InMemoryMediaBlobCache: cache },
});
