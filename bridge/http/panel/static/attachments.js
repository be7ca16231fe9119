// Files to send with the next message: chosen, dropped or pasted. They are uploaded when the message is sent.

import { upload } from './api.js';
import { h, update } from './element.js';
import { number, word } from './language.js';
import { button, FILE_ICON, icon } from './widgets.js';

const KINDS = ['image', 'video', 'audio'];
//: Pictures of these types are sent as pictures; WhatsApp takes others as documents only.
const PICTURES = new Set(['image/jpeg', 'image/png', 'image/webp']);

function kindOf({ type }) {
  const family = type.split('/')[0];
  return family === 'image' && !PICTURES.has(type) ? 'document' : KINDS.includes(family) ? family : 'document';
}

export class Attachments {
  // `onChange` is called after every change.
  constructor(onChange) {
    this.files = [];
    this.onChange = onChange;
    const chosen = () => this.#take(this.picker.files);
    this.picker = h('input', { type: 'file', multiple: true, hidden: true, onchange: chosen });
    this.list = h('div.row', { hidden: true });
    const name = { 'aria-label': word('attach'), title: word('attach') };
    this.button = button('plain', icon(FILE_ICON), () => this.picker.click(), name);
  }

  // Files may be dropped on `place` and pasted into `field`.
  listen(place, field) {
    place.addEventListener('dragover', (event) => event.preventDefault());
    place.addEventListener('drop', (event) => this.#takeFrom(event, event.dataTransfer));
    field.addEventListener('paste', (event) => this.#takeFrom(event, event.clipboardData));
  }

  // The content of a command for a file, which is uploaded; `caption` is used where it can have one.
  async content(file, caption) {
    const { sha256 } = await upload('/v1/media', file);
    const kind = kindOf(file), captioned = kind !== 'audio' && caption;
    return { [kind]: { sha256, filename: file.name, ...(captioned ? { caption } : {}) } };
  }

  // Shows other files: those of another chat, or none.
  set(files) {
    this.files = files;
    this.picker.value = '';
    this.#draw();
  }

  #takeFrom(event, data) {
    if (!data?.files.length) return;
    event.preventDefault();
    this.#take(data.files);
  }

  #take(files) {
    this.files = [...this.files, ...files];
    this.#draw();
  }

  #draw() {
    this.list.hidden = !this.files.length;
    const drop = (file) => { this.files = this.files.filter((one) => one !== file); this.#draw(); };
    update(this.list, this.files.map((file) => h('span.tag', null,
      `${file.name} · ${number(Math.max(1, Math.round(file.size / 1024)))} kB`,
      button('plain', '✕', () => drop(file), { 'aria-label': word('removeFile', file.name) }))));
    this.onChange();
  }
}
