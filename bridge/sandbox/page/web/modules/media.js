// Sending files: prepared, added to the chat, uploaded, then sent with the message.

import { Model } from '../model.js';
import { register, use } from '../registry.js';
import { fromServers } from './file_servers.js';
import { calculateFilehash, functions, getUploadLimit, processRawMedia } from './media_processing.js';

const UPLOAD = '/mms/upload';

class MediaData extends Model {}
MediaData.prototype.proxyName = 'media-data';

const random = (bytes) => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))));

// One object with the file, its type and its message: wa-js changes it, and the page must then upload what it says.
async function uploadMedia({ blob, mediaType }) {
  const request = { method: 'POST', body: blob };
  const { status, content } = await fromServers(`${UPLOAD}?type=${mediaType}`, request, (response) => response.json());
  if (!content) throw new Error(`upload failed: HTTP ${status}`);
  return { directPath: content.direct_path, mediaKey: random(32), encFilehash: random(32) };
}

class MediaPrep {
  #ready;

  constructor(baseType, processed) {
    this.baseType = baseType;
    this.mediaData = new MediaData({ mediaStage: 'PREPARING' });
    this.#ready = processed.then(
      async (fields) => {
        const blob = fields.mediaBlob.forceToBlob();
        this.mediaData.set({ ...fields, size: blob.size, filehash: await calculateFilehash(blob) });
      },
      (error) => {
        this.mediaData.mediaStage = 'ERROR_UNSUPPORTED';
        throw error;
      },
    );
  }

  async waitForPrep() {
    await this.#ready;
    return this.mediaData;
  }

  sendToChat({ chat, options }) {
    const { mediaData } = this;
    const blob = mediaData.mediaBlob?.forceToBlob(); // this message keeps it until it is uploaded
    const fields = this.waitForPrep().then(({ fullWidth, fullHeight, preview, ...data }) => ({
      ...options.productMsgOptions,
      type: data.type, mimetype: data.mimetype, size: data.size, filehash: data.filehash,
      body: preview, width: fullWidth, height: fullHeight,
      ...(data.duration !== undefined && { duration: data.duration, waveform: data.waveform }),
      ...(data.type === 'video' && { isGif: Boolean(data.isGif) }),
      caption: options.caption,
      ...(options.isViewOnce && { isViewOnce: true }),
    }));
    const upload = () => use('WAWebMediaMmsV4Upload').uploadMedia({ blob, mediaType: mediaData.type });
    return use('WAWebSendMsgChatAction').addAndSendMsgToChat(chat, fields, upload)[1];
  }
}

const baseType = ({ isPtt, asDocument, asGif, asSticker }) =>
  (isPtt && 'ptt') || (asDocument && 'document') || (asGif && 'video') || (asSticker && 'sticker') || 'unknown';

function prepRawMedia(data, options) {
  return new MediaPrep(baseType(options), processRawMedia(data, options, use('WAWebMediaDataUtils')));
}

register({
  WAWebMedia: { MediaPrep, prepRawMedia, uploadProductImage: async () => {} },
  WAWebMediaDataModel: { MediaData },
  WAWebMediaDataUtils: functions,
  WAWebMediaGatingUtils: { getUploadLimit },
  WAWebMediaMmsV4Upload: { uploadMedia },
  WAWebGenerateVideoThumbsAndDuration: { generateVideoThumbsAndDuration: async () => ({ duration: 0, thumbs: [] }) },
});
