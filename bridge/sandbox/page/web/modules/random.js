// Random bytes and Base64.

import { register } from '../registry.js';

export const randomBytes = (count) => crypto.getRandomValues(new Uint8Array(count));

export const encodeB64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));

const decodeB64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;

register({ WABase64: { encodeB64, decodeB64 } });
