// The passkey step: after some accounts' codes WhatsApp asks for the account's passkey, which a server's browser lacks.
// The page's request is handed to the person, whose own browser answers it. Only this request is: other calls of
// navigator.credentials.get go on to the browser.

const passkey = {
  asked: false, until: 0, options: null, answer: null, attempt: null, code: null, error: null, timer: undefined,
};

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const toBuffer = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer;
const linkingAction = () => window.require("WAWebShortcakeLinkingAction");

// For the driver: `options` while it waits for an answer, `code` while it waits for a confirmation.
function passkeyStep() {
  const { asked, until, options, code } = passkey;
  return asked ? { origin: location.origin, until, options, code } : null;
}

function toOptions({ challenge, allowCredentials, ...rest }) {
  const known = allowCredentials?.map((credential) => ({ ...credential, id: toText(credential.id) }));
  return { ...rest, challenge: toText(challenge), allowCredentials: known ?? [] };
}

// What the page would get from the browser itself.
function toCredential(answer) {
  const values = (fields) => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { value }]));
  const { clientDataJSON, authenticatorData, signature, userHandle } = answer.response;
  const response = Object.create(AuthenticatorAssertionResponse.prototype, values({
    clientDataJSON: toBuffer(clientDataJSON),
    authenticatorData: toBuffer(authenticatorData),
    signature: toBuffer(signature),
    userHandle: userHandle ? toBuffer(userHandle) : null,
  }));
  return Object.create(PublicKeyCredential.prototype, values({
    id: answer.id,
    rawId: toBuffer(answer.rawId),
    type: answer.type,
    authenticatorAttachment: answer.authenticatorAttachment ?? null,
    response,
    getClientExtensionResults: () => ({}),
    toJSON: () => answer,
  }));
}

function relayCredentials() {
  const own = navigator.credentials?.get.bind(navigator.credentials);
  if (!own) return; // without https there are no passkeys at all
  Object.defineProperty(navigator.credentials, "get", {
    configurable: true,
    value: (options) => {
      if (!passkey.asked || !options?.publicKey) return own(options);
      passkey.options = toOptions(options.publicKey);
      passkey.answer = Promise.withResolvers();
      report();
      return passkey.answer.promise;
    },
  });
}

// WhatsApp's answer to a wrong passkey is a new challenge: the next attempt asks for it.
function beginPasskey() {
  const attempt = attemptPasskey();
  passkey.attempt = attempt;
  attempt.catch((error) => {
    if (passkey.attempt !== attempt) return;
    const answered = passkey.answer !== null && passkey.options === null;
    Object.assign(passkey, { options: null, answer: null });
    if (answered) beginPasskey();
    else endPasskey(sentenceOf(error));
  });
}

async function attemptPasskey() {
  await linkingAction().startShortcakePasskeyPairing();
}

// Ends with WhatsApp's verdict.
async function answerPasskey(answer) {
  const { options, attempt } = passkey;
  if (!options) throw new Failure("passkey_not_asked", "WhatsApp is not waiting for a passkey.");
  passkey.options = null;
  passkey.answer.resolve(toCredential(answer));
  report();
  await attempt;
}

async function confirmPasskey() {
  passkey.code = null;
  report();
  await linkingAction().confirmShortcakeVerificationCode();
}

function stopPasskey() {
  clearTimeout(passkey.timer);
  const { answer } = passkey;
  Object.assign(passkey, { asked: false, options: null, answer: null, attempt: null, code: null });
  answer?.reject(new DOMException("The operation either timed out or was not allowed.", "NotAllowedError"));
}

// The step is over without a login. The page's own button cancels it and starts the pairing again.
function endPasskey(error) {
  if (!passkey.asked || authenticated()) return;
  stopPasskey();
  passkey.error = error;
  const cancel = document.querySelector("[data-testid='shortcake_cancel_button']");
  restart(cancel ? () => cancel.click() : undefined);
}

function watchPasskey() {
  const events = store("LinkDeviceEvents");
  const on = (name, handle) => events?.on(`link_device_events:${name}`, handle);
  on("passkey_prologue_request", () => {
    forgetLinkCode(); // wa-js would renew it, and thereby end this step
    stopPasskey(); // a code that was scanned again has another challenge
    const expired = () => endPasskey("No passkey was given in time.");
    const timer = setTimeout(expired, passkeyMs);
    Object.assign(passkey, { asked: true, until: seconds() + passkeyMs / 1000, timer, error: null });
    beginPasskey();
    report();
  });
  on("shortcake_verification_code_ready", (code, skip) => {
    passkey.code = skip ? null : code; // with `skip` the page confirms it by itself
    report();
  });
  on("shortcake_error", (reason) => endPasskey(`WhatsApp ended the passkey step: ${scalar(reason) ?? "unknown"}.`));
}

relayCredentials();
WPP.loader.onInjected(watchPasskey);
WPP.on("conn.authenticated", stopPasskey);
