// A blob with a counter of its users.

import { register } from '../registry.js';

export class OpaqueData {
  released = false;
  #users = 1;
  #url;

  constructor(blob, type) {
    this.blob = blob;
    this.mimetype = type;
  }

  static async createFromData(data, type) {
    return new OpaqueData(data instanceof Blob && data.type === type ? data : new Blob([data], { type }), type);
  }

  static async createFromBase64Jpeg(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return OpaqueData.createFromData(bytes, 'image/jpeg');
  }

  retain() {
    this.throwIfReleased('retain');
    this.#users += 1;
  }

  autorelease() {
    this.#users -= 1;
    if (this.#users > 0 || this.released) return;
    this.released = true;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.blob = undefined;
  }

  autoreleaseWhenPromiseCompletes(promise) {
    promise.then(() => this.autorelease(), () => this.autorelease());
  }

  throwIfReleased(what) {
    if (this.released) throw new Error(`${what} called on released OpaqueData`);
  }

  url() {
    this.throwIfReleased('OpaqueData:url');
    this.#url ??= URL.createObjectURL(this.blob);
    return this.#url;
  }

  size() {
    this.throwIfReleased('OpaqueData:size');
    return this.blob.size;
  }

  type() {
    return this.mimetype || 'undefined';
  }

  formData() {
    return this.forceToBlob();
  }

  forceToBlob() {
    this.throwIfReleased('OpaqueData:forceToBlob');
    return this.blob;
  }

  async validate() {
    return true;
  }
}

register({ WAWebMediaOpaqueData: { default: OpaqueData } });
