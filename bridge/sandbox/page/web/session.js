// The page's lifecycle: QR code, pairing, load, link down and up, logout. Handles the frames pushed by the sandbox.

import * as credentials from './credentials.js';
import { socket } from './socket.js';
import { addChat } from './modules/chats.js';
import { Cmd, Conn, setClock, Socket, Stream } from './modules/connection.js';
import { addContact } from './modules/contacts.js';
import { createWid, MsgKey } from './modules/identity.js';
import { inflate, MsgCollection } from './modules/messages.js';
import { answered, rememberPending, resend } from './modules/sending.js';
import { use } from './registry.js';

const TIMEOUT_MS = 500;
const RELOAD_MS = 50;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

let login = {};
let account;
let syncMs = 0;
let loaded = false;
let outage;

// Disconnected for another reason than the network.
function blocked(kind) {
  socket.setUp(false);
  clearTimeout(outage);
  Socket.state = kind;
  Stream.mode = kind;
}

function setLink({ up, trouble }) {
  if (trouble) {
    blocked(trouble);
    return;
  }
  if (Socket.state === Stream.mode) Stream.mode = loaded ? 'MAIN' : 'SYNCING'; // the block is over
  if (up) void linkUp();
  else linkDown();
}

function linkDown() {
  socket.setUp(false);
  Socket.state = 'OPENING';
  Stream.info = 'OPENING';
  clearTimeout(outage);
  outage = setTimeout(() => {
    Socket.state = 'TIMEOUT';
    Stream.info = 'OFFLINE';
  }, TIMEOUT_MS);
}

async function linkUp() {
  clearTimeout(outage);
  socket.setUp(true);
  Socket.set({ state: 'CONNECTED', stream: 'CONNECTED' });
  Conn.connected = true;
  if (loaded) {
    Stream.info = 'NORMAL';
    resend();
    return;
  }
  // First time on this page: the chats are loaded, then the rest of the page becomes usable.
  loaded = true;
  Stream.info = 'SYNCING';
  await wait(syncMs);
  Socket.set({ stream: 'CONNECTED', hasSynced: true });
  Cmd.mainLoaded();
  Stream.set({ mode: 'MAIN', info: 'NORMAL' });
  resend();
}

function load(frame) {
  frame.contacts.forEach(addContact);
  frame.chats.forEach(addChat);
  rememberPending(frame.pending);
  Stream.mode = 'SYNCING';
}

function welcome(frame) {
  ({ account, sync_ms: syncMs } = frame);
  setClock(frame.now);
  Stream.needsUpdate = frame.outdated;
  if (frame.ref) {
    socket.setUp(true);
    Stream.set({ mode: 'QR', info: 'PAIRING' });
    takeRef(frame);
    return;
  }
  if (frame.chats) load(frame);
  setLink({ up: frame.link, trouble: frame.trouble });
}

// No QR code: the last ones were not scanned, and the page waits for Cmd.refreshQR.
function takeRef({ ref }) {
  Socket.state = ref ? 'UNPAIRED' : 'UNPAIRED_IDLE';
  Conn.ref = ref;
}

async function paired(frame) {
  Socket.state = 'PAIRING';
  await credentials.keep(account, frame.device, frame.secret);
  login = { device: frame.device, secret: frame.secret };
  Conn.ref = null;
  load(frame);
  void linkUp();
}

async function loggedOut() {
  use('WAWebLogoutReason').getErrorCodeFromLogoutReason('user_initiated');
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
  if (ack === 1) {
    answered(key, 'OK', 1, t);
    return;
  }
  if (ack < 0) {
    answered(key, 'ERROR_UNKNOWN', ack, t);
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
  if (login.device) Stream.mode = 'SYNCING';
  socket.connect(() => ({ op: 'hello', ...login, resume: loaded }), {
    welcome,
    paired,
    ref: takeRef,
    link: (frame) => {
      if (login.device) setLink(frame);
    },
    outdated: () => {
      Stream.needsUpdate = true;
    },
    reload: () => location.reload(),
    decrypted: ({ record: { id, body, type } }) => MsgCollection.get(id)?.set({ body, type }),
    lost: () => {
      if (login.device) linkDown();
    },
    message: takeMessage,
    ack: takeAck,
    refused: ({ key, result }) => answered(key, result, -1),
    chat: ({ chat }) => addChat(chat),
    contact: ({ contact }) => addContact(contact),
    logged_out: () => void loggedOut(),
  });
}
