// What a person scans or types to pair: the QR code, and the pairing code for a phone's number.
// A code that a phone would refuse is not reported. Asking for a pairing code takes the secret out of the QR code, and
// starting the pairing again (Cmd.refreshQR) ends a pairing code.

const REF_MS = 20_000; // if the page does not say how long a QR code lives
const RENEWALS = 5; // of one pairing code; wa-js would make as many
const PLATFORM = "1"; // Chrome
let code = null; // wa-js's: its `fullCode` has four of the fields
let codeUntil = 0;
let secretGone = false;
let deadRef = null; // the QR code's first field when the pairing was started again: the page shows it a little longer
let restarting = false;
const link = { attempt: 0, number: null, code: null, until: 0, renewals: 0, timer: undefined, error: null };

const seconds = () => Date.now() / 1000;
const sentenceOf = (error) => String(error?.message ?? error);

// The text that the page draws itself: only the page knows whether this account's codes begin with an address. One that
// it drew before the present code is dead.
function qrText() {
  if (!code || link.number || passkey.asked || store("Socket")?.state !== "UNPAIRED") return null;
  const drawn = document.querySelector("[data-testid='link-device-qr-code']")?.dataset.ref;
  return drawn?.includes(`${code.fullCode},`) ? drawn : `${code.fullCode},${PLATFORM}`;
}

function takeCode(found) {
  if (found && found.ref !== code?.ref) codeUntil = seconds() + (Number(store("Conn")?.refTTL) || REF_MS) / 1000;
  code = found && found.ref !== deadRef ? found : null;
  if (!code) return;
  secretGone = false;
  loggedOut = false; // from here on isAuthenticated is right again
}

function restart(begin = () => WPP.conn.refreshQR()) {
  restarting = true;
  deadRef = store("Conn")?.ref ?? null;
  code = null;
  report();
  Promise.resolve(begin()).catch(() => undefined).finally(() => { restarting = false; });
}

async function requestCode() {
  if (!WPP.isInjected || authenticated() || link.number || passkey.asked) return;
  const dead = deadRef !== null && store("Conn")?.ref === deadRef;
  if (dead || secretGone || store("Socket")?.state === "UNPAIRED_IDLE") {
    if (!restarting) restart(); // the codes expired unscanned, or a pairing code did: the page waits for a click
  } else if (!code) {
    takeCode(await WPP.conn.getAuthCode().catch(() => null));
    if (code) report();
  }
}

// Returns the number of the attempt at once: its code or error comes with a later report. An answer for an earlier
// number is ignored.
function linkByPhone(number) {
  if (link.number === number && link.code) return link.attempt;
  clearTimeout(link.timer);
  Object.assign(link, { attempt: link.attempt + 1, number, code: null, renewals: 0, error: null });
  secretGone = true;
  WPP.conn.startLinkDeviceCodeForPhoneNumber(number).then(
    (found) => { if (link.number === number) takeLinkCode(found); }, // wa-js announces no code that it had already
    (error) => { if (link.number === number) endLinkCode(sentenceOf(error)); },
  );
  return link.attempt;
}

function takeLinkCode(found) {
  if (!link.number || found === link.code) return;
  clearTimeout(link.timer);
  const timer = setTimeout(renewLinkCode, linkCodeMs);
  Object.assign(link, { code: found, until: seconds() + linkCodeMs / 1000, timer });
  report();
}

// wa-js does it after 195 s; the phone refuses the code after 180 s.
function renewLinkCode() {
  if (link.renewals >= RENEWALS) {
    endLinkCode("The pairing code expired unused.");
    return;
  }
  Object.assign(link, { code: null, renewals: link.renewals + 1 });
  report();
  WPP.conn.refreshLinkDeviceCode().catch((error) => endLinkCode(sentenceOf(error)));
}

function endLinkCode(error) {
  if (!link.number) return;
  forgetLinkCode();
  link.error = error;
  restart();
}

function forgetLinkCode() {
  clearTimeout(link.timer);
  Object.assign(link, { number: null, code: null, error: null });
  WPP.conn.cancelLinkDeviceCode();
}

WPP.on("conn.auth_code_change", (found) => {
  takeCode(found);
  report();
});
WPP.on("conn.link_code_change", takeLinkCode);
WPP.on("conn.link_code_expired", () => endLinkCode("The pairing code expired unused."));
WPP.on("conn.link_code_error", (error) => endLinkCode(sentenceOf(error)));
