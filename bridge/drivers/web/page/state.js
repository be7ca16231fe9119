// The state of login and link, reported at each change and as a heartbeat.
// State is used, not events: wa-js's isFullReady is true on the QR page too, and conn.authenticated is not emitted for a
// restored login. WPP.whatsapp is not read before wa-js is injected: a getter read too early stays undefined.

const load = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
let loggedOut = false;
let wasUnpaired = false;
let pairedAt = null;
let refusal = null; // why the service refuses the connection, until it accepts one
let logoutReason = null;
let stillMissing = requiredModules;

const store = (name) => (WPP.isInjected ? read(WPP.whatsapp, name) : undefined);
const memory = () => store("MsgStore")?.getModelsArray?.() ?? [];

function serviceTime() {
  const time = WPP.isInjected ? attempt(() => WPP.whatsapp.functions.unixTime()) : undefined;
  return typeof time === "number" ? time : Math.floor(Date.now() / 1000);
}

function authenticated() {
  return Boolean(WPP.isInjected && !loggedOut && attempt(() => WPP.conn.isAuthenticated()));
}

// True if there certainly is no login. `!authenticated()` may also mean that the login has not been read yet; if that
// counted as a new pairing, missed messages would become history.
function unpaired() {
  if (!WPP.isInjected || authenticated()) return false;
  return loggedOut || Boolean(code) || ["UNPAIRED", "UNPAIRED_IDLE"].includes(store("Socket")?.state);
}

function has(path) {
  const found = path.split(".").reduce((value, name) => attempt(() => value?.[name]), WPP.whatsapp);
  return found !== undefined;
}

// Without a login too: the site loads all of them on its QR page. Not before wa-js is ready: a getter read too early may
// stay undefined. One that is missing may still come, because the site loads in parts: each report asks again.
function missing() {
  if (!WPP.isReady) return [];
  if (stillMissing.length) stillMissing = stillMissing.filter((names) => !names.split("|").some(has));
  return stillMissing;
}

// For a page that is not WhatsApp Web: what a person sees.
function visibleText() {
  return `${document.title} ${document.body?.innerText ?? ""}`.replaceAll(/\s+/g, " ").trim().slice(0, 100) || "blank";
}

// The socket's state stays CONNECTED when the line is cut, for good if another WhatsApp Web replaced this one; its stream
// does not.
function usable() {
  const socket = store("Socket");
  const connected = socket?.state === "CONNECTED" && socket.stream === "CONNECTED" && store("Stream")?.mode === "MAIN";
  return WPP.isFullReady && authenticated() && !missing().length && connected;
}

function snapshot() {
  const known = authenticated();
  const loginGone = unpaired();
  if (loginGone) [wasUnpaired, pairedAt] = [true, null];
  else if (known && wasUnpaired) [wasUnpaired, pairedAt] = [false, serviceTime()]; // paired in this load
  if (usable()) refusal = null;
  return {
    load,
    holds,
    injected: WPP.isInjected,
    ready: WPP.isReady,
    fullReady: WPP.isFullReady,
    authenticated: known,
    unpaired: loginGone,
    socket: store("Socket")?.state ?? null,
    line: store("Socket")?.stream ?? null,
    stream: store("Stream")?.mode ?? null,
    refusal,
    logoutReason,
    onClock: onClock.size,
    limits,
    needsUpdate: Boolean(store("Stream")?.needsUpdate),
    complete: document.readyState === "complete",
    loader: Boolean(window.__d && window.require),
    visibleText: window.require ? null : visibleText(),
    missing: missing(),
    code: known ? null : qrText(),
    codeUntil,
    linkCode: known ? null : link.code,
    linkUntil: link.until,
    linkAttempt: link.attempt,
    linkEnded: link.error !== null,
    linkError: known ? null : link.error ?? passkey.error,
    passkey: known ? null : passkeyStep(),
    pn: known ? address(attempt(() => WPP.conn.getMyUserId())) : null,
    lid: known ? address(attempt(() => WPP.conn.getMyUserLid())) : null,
    pairedAt,
    unixTime: serviceTime(),
  };
}

function report() {
  if (usable()) settleAvailability();
  else hold();
  sendToDriver(JSON.stringify(snapshot())).catch(() => undefined); // the next heartbeat repeats it
}

function watchState() {
  for (const change of ["change:state", "change:stream"]) store("Socket")?.on(change, report);
  for (const change of ["change:mode", "change:info", "change:needsUpdate"]) store("Stream")?.on(change, report);
  store("Cmd")?.on("account_temporarily_banned_from_bridge", (ban) => {
    const seconds = number(ban?.expire);
    refuse({ kind: "temporary_ban", code: scalar(ban?.code), until: seconds && serviceTime() + seconds });
  });
  store("Cmd")?.on("reachoutTimelockStateChange", () => void readLimits().then(report));
  store("Cmd")?.on("service_unavailable_503_from_bridge", () => refuse({ kind: "service_unavailable" }));
  report();
}

// Each attempt gives the remaining time: the end that it means is the same, give or take.
function refuse(why) {
  if (refusal?.kind === why.kind && Math.abs(refusal.until - why.until) < 60) return;
  refusal = why;
  report();
}

WPP.on("conn.logout_reason", (reason) => {
  logoutReason = scalar(reason) ?? null;
  report(); // the page may reload before it announces the logout itself
});
WPP.on("conn.logout", () => {
  loggedOut = true;
  report();
});
for (const name of ["conn.authenticated", "conn.main_loaded", "conn.main_ready", "loader.ready", "loader.full_ready"]) {
  WPP.on(name, report);
}
WPP.loader.onInjected(watchState);
setInterval(() => {
  report();
  void requestCode();
  void readLimits();
}, reportMs);
report();
