// The page's lifecycle: QR code, pairing, load, link down and up, logout. Handles the frames pushed by the sandbox.

import * as credentials from './credentials.js';
import { socket } from './socket.js';
import { edited, reacted, revoked, voted } from './modules/acts.js';
import { takeCall } from './modules/calls.js';
import { addLabels } from './modules/chat_marks.js';
import { addChat, setMigrated } from './modules/chats.js';
import { BackendEventBus, Cmd, Conn, setClock, Socket, Stream } from './modules/connection.js';
import { takePresence } from './modules/contact_presence.js';
import { addContact, setBlocklistMigrated } from './modules/contacts.js';
import { setRetry } from './modules/file_servers.js';
import { changed } from './modules/groups.js';
import { createWid, MsgKey } from './modules/identity.js';
import { codeAnswered, keys, setPrefix } from './modules/linking.js';
import { isMe } from './modules/login.js';
import { inflate, MsgCollection } from './modules/messages.js';
import * as passkey from './modules/passkey.js';
import { pictureChanged, takeProfile } from './modules/profiles.js';
import { answered, transmitWaiting } from './modules/sending.js';
import { use } from './registry.js';

const BACKOFF_MS = 1000; // the first of the page's pauses between attempts; later ones are not longer here
const RELOAD_MS = 50;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

let login = {};
let account;
let syncMs = 0;
let watchedMs = 0;
let loaded = false;
let network = { up: true, trouble: null };
let replaced = false;
let attempting;

// How the page handles each refusal of a connection attempt.
const refusals = {
  temporary_ban: () => Cmd.onTemporaryBanFromBridge({ banned: true, code: 101, expire: 3600, message: null, url: null }),
  service_unavailable: () => Cmd.onServiceUnavailableFromBridge(),
  client_expired: () => setTimeout(() => location.reload(), RELOAD_MS),
};

function setLink({ up, trouble }) {
  network = { up, trouble };
  if (!up || trouble) linkDown();
  else if (!socket.isUp && !attempting) attempt();
}

// The stream ends at once, but the state stays CONNECTED until the first attempt.
function linkDown() {
  socket.setUp(false);
  Socket.stream = 'DISCONNECTED';
  if (Socket.state !== 'CONNECTED') attempt();
  else attempting ??= setTimeout(attempt, BACKOFF_MS);
}

function attempt() {
  clearTimeout(attempting);
  attempting = undefined;
  if (replaced) return;
  Socket.state = 'OPENING';
  Stream.info = 'OPENING';
  if (!network.up || network.trouble) {
    if (network.up) refusals[network.trouble]();
    attempting = setTimeout(attempt, BACKOFF_MS);
    return;
  }
  Socket.state = 'PAIRING';
  void linkUp();
}

// Opened elsewhere: the state and the mode stay as they are, and no attempt follows.
function replace() {
  replaced = true;
  clearTimeout(attempting);
  socket.setUp(false);
  Socket.stream = 'DISCONNECTED';
}

async function linkUp() {
  socket.setUp(true);
  Socket.state = 'CONNECTED';
  Conn.connected = true;
  Stream.sendAvailability();
  if (loaded) {
    if (Socket.hasSynced) Socket.stream = 'CONNECTED';
    Stream.info = 'NORMAL';
    transmitWaiting();
    return;
  }
  // First time on this page: the chats are loaded, then the rest of the page becomes usable.
  loaded = true;
  Socket.stream = 'SYNCING';
  Stream.info = 'SYNCING';
  await wait(syncMs);
  Socket.hasSynced = true;
  if (socket.isUp) Socket.stream = 'CONNECTED';
  Cmd.mainLoaded();
  Stream.set({ mode: 'MAIN', info: 'NORMAL' });
  showScreen();
  void socket.database('ready'); // from here on, what arrived meanwhile is delivered
  transmitWaiting();
}

// A browser without a person looks watched at first: it has the focus. Then it is idle.
function showScreen() {
  Stream.uiActive = true;
  Stream.markAvailable();
  setTimeout(() => Stream.markUnavailable(), watchedMs);
}

function takeOwn({ profile, labels }) {
  takeProfile(profile);
  addLabels(labels);
}

function takeContact({ contact }) {
  addContact(contact);
  for (const address of [contact.pn, contact.lid]) if (address) pictureChanged(createWid(address));
}

function load(frame) {
  takeOwn(frame);
  frame.contacts.forEach(addContact);
  frame.chats.forEach(addChat);
  Stream.mode = 'SYNCING';
}

function welcome(frame) {
  ({ account, sync_ms: syncMs, watched_ms: watchedMs } = frame);
  setClock(frame.now);
  setRetry(frame.file_retry_ms);
  setMigrated(frame.lid_migrated);
  setBlocklistMigrated(frame.lid_migrated);
  Stream.needsUpdate = frame.outdated;
  if (frame.ref) {
    socket.setUp(true);
    setPrefix(frame.qr_prefix);
    Stream.set({ mode: 'QR', info: 'PAIRING' });
    takeRef(frame);
    return;
  }
  if (frame.chats) {
    BackendEventBus.isOfflineDeliveryEnd = frame.delivered;
    load(frame);
  }
  setLink({ up: frame.link, trouble: frame.trouble });
}

// No QR code: the last ones were not scanned, and the page waits for Cmd.refreshQR. `Conn.ref` keeps the dead one.
function takeRef({ ref, ttl }) {
  Socket.state = ref ? 'UNPAIRED' : 'UNPAIRED_IDLE';
  if (ref) Conn.set({ refTTL: ttl, ref });
}

async function paired(frame) {
  passkey.paired();
  Socket.state = 'PAIRING';
  await credentials.keep(account, frame.device, frame.secret);
  login = { device: frame.device, secret: frame.secret };
  Conn.ref = null;
  load(frame);
  void linkUp();
}

async function loggedOut({ reason }) {
  if (reason) use('WAWebLogoutReason').getErrorCodeFromLogoutReason(reason);
  Socket.state = 'UNPAIRED';
  Cmd.trigger('logout');
  await credentials.forget();
  await wait(RELOAD_MS);
  location.replace('/?post_logout=1&logout_reason=0');
}

function takeMessage({ record }) {
  const raw = inflate(record);
  void MsgCollection.processMultipleMessages(raw.id.remote, [raw]);
}

function takeAck({ key, chat, ack, total, participant, t }) {
  if (ack <= 1) {
    const reached = ack === 1 && isMe(chat) ? 3 : ack; // in the chat with oneself it is read at once
    answered(key, ack < 0 ? 'ERROR_UNKNOWN' : 'OK', { ack: reached, isSendFailure: ack < 0 }, t);
    return;
  }
  const from = createWid(chat);
  const receipt = {
    type: 'receipt',
    externalIds: [MsgKey.fromString(key).id],
    from,
    participant: participant && from.isGroup() ? createWid(participant) : null,
    recipient: null,
    ts: t,
    ack,
    ackString: { 2: 'delivery', 3: 'read', 4: 'played' }[ack],
    total,
  };
  // Through the module object: wa-js listens by replacing these.
  if (from.isGroup()) void use('WAWebHandleGroupReceipt').handleGroupSimpleReceipt(receipt);
  else void use('WAWebHandleChatReceipt').handleChatSimpleReceipt(receipt);
}

export async function start() {
  login = await credentials.read();
  if (!login.device) Stream.mode = 'QR'; // at once, as the real page: not only when the service answers
  socket.connect(() => ({ op: 'hello', ...login, keys: keys(), resume: loaded }), {
    welcome,
    paired,
    ref: takeRef,
    code_answered: codeAnswered,
    passkey_requested: passkey.requested,
    passkey_answered: passkey.answered,
    link: (frame) => {
      if (login.device) setLink(frame);
    },
    outdated: () => {
      Stream.needsUpdate = true;
    },
    reload: () => location.reload(),
    decrypted: ({ record: { id, body, type } }) => MsgCollection.get(id)?.set({ body, type }),
    revoked,
    edited,
    reacted,
    voted,
    delivered: () => {
      BackendEventBus.isOfflineDeliveryEnd = true;
    },
    group_changed: changed,
    lost: () => {
      if (login.device) setLink({ up: false, trouble: null });
    },
    message: takeMessage,
    ack: takeAck,
    refused: ({ key, result, failure }) => answered(key, result, failure),
    replaced: replace,
    chat: ({ chat }) => addChat(chat),
    contact: takeContact,
    call: takeCall,
    presence: takePresence,
    profile: takeOwn,
    logged_out: (frame) => void loggedOut(frame),
  });
}
