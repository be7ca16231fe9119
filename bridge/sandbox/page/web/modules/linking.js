// Pairing: the secret in the QR code, its text, and the pairing code to type on the phone.

import { socket } from '../socket.js';
import { EventEmitter } from '../model.js';
import { register } from '../registry.js';
import { BackendEventBus, Conn, Socket } from './connection.js';
import { noise, registration } from './login.js';
import { encodeB64, randomBytes } from './random.js';

const PLATFORM = '1'; // Chrome
const PREFIX = 'https://wa.me/settings/linked_devices#';

const newSecret = () => encodeB64(randomBytes(32));

let secret = newSecret();
let answered = false; // the phone answered to the pairing code, which gives the page a secret, too
let prefix = '';
export const setPrefix = (on) => {
  prefix = on ? PREFIX : '';
};

export const keys = () => ({
  noise: encodeB64(noise.staticKeyPair.pubKey),
  identity: encodeB64(registration.identityKeyPair.pubKey),
  secret,
});

export const LinkDeviceEvents = new EventEmitter();
const advSecretEventEmitter = new EventEmitter();

function setSecret(value) {
  secret = value;
  answered = false;
  advSecretEventEmitter.trigger('change');
}

// As the page draws it; undefined when it has none to draw, and then the one drawn before stays.
export function qrText() {
  if (!Conn.ref || !secret) return undefined;
  const { noise: noiseKey, identity } = keys();
  return prefix + [Conn.ref, noiseKey, identity, secret, PLATFORM].join(',');
}

export const hasSecret = () => secret !== null || answered;

// Every QR code drawn so far is then refused.
export async function rotateSecret() {
  setSecret(newSecret());
  await socket.database('keys', { keys: keys() });
}

// Starts the pairing again, with another secret: this ends a pairing code, too.
async function refresh() {
  Socket.state = 'OPENING';
  await rotateSecret();
  Socket.state = 'PAIRING';
  await socket.service('refresh_ref');
}

export function codeAnswered({ ended }) {
  answered = true;
  LinkDeviceEvents.trigger('link_device_events:primary_hello_received');
  if (ended) LinkDeviceEvents.trigger('link_device_events:error_alt_linking');
}

export const onSecret = (act) => advSecretEventEmitter.on('change', act);

BackendEventBus.on('refresh_qr', () => void refresh());

register({
  WAWebAdvSignatureApi: {
    async getADVSecretKey() {
      if (!secret) throw new Error('secretKey is null or undefined');
      return secret;
    },
    setADVSignedIdentity() {},
  },
  WAWebAltDeviceLinkingApi: {
    async initializeAltDeviceLinking() {
      setSecret(null);
      await socket.database('keys', { keys: keys() });
    },
    genLinkDeviceCodeForPhoneNumber: (phone) => socket.service('link_code', { phone }),
  },
  WAWebLinkDeviceEvents: { WAWebLinkDeviceEvents: LinkDeviceEvents },
});
