// The passkey step of a pairing, after the code was taken. The page keeps a proof that it showed that code, and the
// browser makes an assertion; then the phone answers with a code, which the page or the person confirms.

import { socket } from '../socket.js';
import { register } from '../registry.js';
import { hasSecret, LinkDeviceEvents, rotateSecret } from './linking.js';

const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer;
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const announce = (name, ...details) => LinkDeviceEvents.trigger(`link_device_events:${name}`, ...details);

let options;
let proofUntil = 0;
let skip = false;
let stageMs = 0;
let timer;

export async function requested(frame) {
  ({ options, stage_ms: stageMs } = frame);
  proofUntil = hasSecret() ? Date.now() + frame.proof_ms : 0;
  await rotateSecret();
  announce('passkey_prologue_request');
}

export function answered({ code }) {
  clearTimeout(timer);
  if (code === null) {
    announce('shortcake_error', 'server_error');
    return;
  }
  limit();
  announce('shortcake_verification_code_ready', code, skip);
}

function limit() {
  clearTimeout(timer);
  timer = setTimeout(() => announce('shortcake_error', 'timeout'), stageMs);
}

function cancel() {
  clearTimeout(timer);
  options = undefined;
  proofUntil = 0;
  skip = false;
}

async function assertion() {
  options ??= await socket.service('passkey_options');
  const { challenge, allowCredentials, ...rest } = options;
  const publicKey = {
    ...rest,
    challenge: bytes(challenge),
    allowCredentials: allowCredentials.map((credential) => ({ ...credential, id: bytes(credential.id) })),
  };
  const credential = await navigator.credentials.get({ publicKey });
  if (credential?.type !== 'public-key') throw new Error('WebAuthn returned no credential');
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    },
  };
}

// After a failure the next attempt has another challenge, and no proof.
export async function startShortcakePasskeyPairing() {
  try {
    const made = await assertion();
    await socket.service('passkey_prologue', { assertion: made });
    skip = Date.now() < proofUntil;
    limit();
    announce('shortcake_prologue_sent');
  } catch (error) {
    cancel();
    throw error;
  }
}

export async function confirmShortcakeVerificationCode() {
  await socket.service('passkey_confirm');
  limit();
}

export function cancelShortcakePasskeyPairing() {
  cancel();
}

export const paired = () => clearTimeout(timer);

register({
  WAWebShortcakeLinkingAction: {
    startShortcakePasskeyPairing,
    confirmShortcakeVerificationCode,
    cancelShortcakePasskeyPairing,
  },
});
