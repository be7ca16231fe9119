// The screen of the passkey step: it covers the QR code until the page is paired or the person cancels.

import { BackendEventBus, Socket } from './modules/connection.js';
import { LinkDeviceEvents } from './modules/linking.js';
import {
  cancelShortcakePasskeyPairing,
  confirmShortcakeVerificationCode,
  startShortcakePasskeyPairing,
} from './modules/passkey.js';

const screen = document.querySelector('#passkey');
const words = screen.querySelector('p');
const [proceed, cancel] = screen.querySelectorAll('button');

let act = () => {};

function say(text, label, then) {
  words.textContent = text;
  proceed.hidden = !label;
  proceed.textContent = label ?? '';
  act = then;
}

function failed(reason) {
  say(`That did not work (${reason}).`, 'Try again', start);
}

function start() {
  say('Confirm with your passkey…');
  startShortcakePasskeyPairing().catch((error) => failed(error.message));
}

function confirm() {
  confirmShortcakeVerificationCode().catch((error) => failed(error.message));
}

export function showPasskey() {
  const on = (name, handle) => LinkDeviceEvents.on(`link_device_events:${name}`, handle);
  on('passkey_prologue_request', () => {
    screen.hidden = false;
    say('Use your passkey to link this device.', 'Continue', start);
  });
  on('shortcake_prologue_sent', () => say('Look at your phone.'));
  on('shortcake_verification_code_ready', (code, skip) => {
    if (skip) confirm();
    else say(`Does your phone show ${code}?`, 'Yes', confirm);
  });
  on('shortcake_error', failed);
  Socket.on('change:state', () => {
    if (Socket.state === 'CONNECTED') screen.hidden = true;
  });
  proceed.addEventListener('click', () => act());
  cancel.addEventListener('click', () => {
    screen.hidden = true;
    cancelShortcakePasskeyPairing();
    BackendEventBus.trigger('refresh_qr');
  });
}
