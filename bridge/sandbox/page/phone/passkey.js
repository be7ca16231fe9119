// The account's passkey: the switch that makes WhatsApp ask for it, and the passkey itself, made by this browser.

import { ask, world } from './world.js';

const required = document.querySelector('#passkey');
const encoded = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

// Browsers make passkeys for names, not for addresses as 127.0.0.1.
async function makePasskey() {
  const { id, response } = await navigator.credentials.create({
    publicKey: {
      rp: { id: 'localhost', name: 'Sandbox' },
      user: { id: new TextEncoder().encode('sandbox'), name: 'sandbox', displayName: 'Sandbox' },
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    },
  });
  return ask('passkeys', { id, public_key: encoded(response.getPublicKey()) });
}

export function drawPasskey() {
  required.checked = world.state.settings.passkey;
}

required.addEventListener('change', async () => {
  const on = required.checked;
  if (on && !world.state.passkeys) await makePasskey().catch(() => undefined); // without one every answer is refused
  await ask('settings', { passkey: on }, 'PATCH');
});
