// Sending: to the store, the device's database, and the service. What waits for the link is sent when it returns, by the
// same page only: a load marks it as failed, and `Msg.resend` is the click on "resend".

import { socket } from '../socket.js';
import { register, use } from '../registry.js';
import { Chat } from './chats.js';
import { isBlocked } from './contacts.js';
import { flatten, Msg, MsgCollection } from './messages.js';

// Messages that the service has not answered yet, in the order of writing: key -> {record, answer}.
const unanswered = new Map();
// The files of each chat that are on their way to the server.
const uploads = new Map();

class ContactBlockedError extends Error {
  name = 'ContactBlockedError';
}

async function transmit(record) {
  if (socket.isUp) await socket.service('transmit', { record }).catch(() => {});
}

// `upload`, of a message with a file, answers the fields that the message then has; `fields` is then a promise.
function addAndSendMsgToChat(chat, fields, upload) {
  if (!(chat instanceof Chat)) throw new TypeError('addAndSendMsgToChat: not a chat');
  if (upload) return addAndUpload(chat, fields, upload);
  if (isBlocked(chat.id)) {
    const refused = Promise.reject(new ContactBlockedError('contact is blocked'));
    return [refused, refused];
  }
  const msg = MsgCollection.add(new Msg({ ...fields, ack: 0 }));
  chat.takeIn(msg);
  void use('WAWebUpdateUnreadChatAction').sendSeen({ chat });
  const stored = write(flatten(fields), uploads.get(chat));
  return [stored.then(() => msg), stored.then(({ promise }) => promise)];
}

function addAndUpload(chat, fields, upload) {
  const added = fields.then(async (known) => {
    const msg = MsgCollection.add(new Msg({ ...known, ack: 0 }));
    chat.takeIn(msg);
    void use('WAWebUpdateUnreadChatAction').sendSeen({ chat });
    return msg;
  });
  const handedOver = added.then(async (msg) => {
    await socket.database('write', { record: flatten(msg) });
    if (isBlocked(chat.id)) return { promise: fail(msg, 'ERROR_UNKNOWN') };
    try {
      msg.set(await upload());
    } catch {
      return { promise: fail(msg, 'ERROR_UPLOAD') };
    }
    return write(flatten(msg));
  });
  uploads.set(chat, Promise.allSettled([uploads.get(chat), handedOver]));
  return [added, handedOver.then(({ promise }) => promise)];
}

async function fail(msg, messageSendResult) {
  msg.set({ isSendFailure: true, ack: -1 });
  await socket.database('write', { record: flatten(msg) });
  return { messageSendResult, t: msg.t, count: null };
}

// What was added to a chat before is sent before.
async function write(record, earlier) {
  await socket.database('write', { record });
  const answer = Promise.withResolvers();
  unanswered.set(record.id, { record, answer });
  if (earlier) void earlier.then(() => transmit(record));
  else void transmit(record);
  return { promise: answer.promise };
}

Msg.prototype.resend = async function resend() {
  if (this.mimetype && !this.directPath) return fail(this, 'ERROR_UPLOAD'); // its file went with the page before
  this.set({ ack: 0, isSendFailure: false, ackErrorCode: undefined });
  const { promise } = await write(flatten(this.attributes));
  return promise;
};

export function transmitWaiting() {
  for (const { record } of unanswered.values()) void transmit(record);
}

export function answered(key, messageSendResult, { ack, ...failure }, t) {
  const msg = MsgCollection.get(key);
  msg?.set(failure);
  if (msg && (msg.ack < ack || ack < 0)) msg.ack = ack;
  unanswered.get(key)?.answer.resolve({ messageSendResult, t, count: null });
  unanswered.delete(key);
}

register({
  WAWebSendMsgChatAction: { addAndSendMsgToChat },
  WAWebSendMsgResultAction: {
    SendMsgResult: Object.fromEntries(
      ['OK', 'ERROR_NETWORK', 'ERROR_EXPIRED', 'ERROR_CANCELLED', 'ERROR_UPLOAD', 'ERROR_UNKNOWN', 'ERROR_RATE_LIMIT']
        .map((result) => [result, result]),
    ),
  },
  WAWebGetEphemeralFieldsMsgActionsUtils: { getEphemeralFields: () => ({}) },
});
