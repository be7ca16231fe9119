// Sending: to the store, the device's database, and the service. What waits for the link is sent when it returns, by the
// same page only: a load marks it as failed, and `Msg.resend` is the click on "resend".

import { socket } from '../socket.js';
import { register, use } from '../registry.js';
import { Chat } from './chats.js';
import { isBlocked } from './contacts.js';
import { flatten, Msg, MsgCollection } from './messages.js';

// Messages that the service has not answered yet, in the order of writing: key -> {record, answer}.
const unanswered = new Map();

class ContactBlockedError extends Error {
  name = 'ContactBlockedError';
}

async function transmit(record) {
  if (socket.isUp) await socket.service('transmit', { record }).catch(() => {});
}

function addAndSendMsgToChat(chat, fields) {
  if (!(chat instanceof Chat)) throw new TypeError('addAndSendMsgToChat: not a chat');
  if (isBlocked(chat.id)) {
    const refused = Promise.reject(new ContactBlockedError('contact is blocked'));
    return [refused, refused];
  }
  const msg = MsgCollection.add(new Msg({ ...fields, ack: 0 }));
  chat.takeIn(msg);
  void use('WAWebUpdateUnreadChatAction').sendSeen({ chat });
  const stored = write(flatten(fields));
  return [stored.then(() => msg), stored.then(({ promise }) => promise)];
}

async function write(record) {
  await socket.database('write', { record });
  const answer = Promise.withResolvers();
  unanswered.set(record.id, { record, answer });
  void transmit(record);
  return { promise: answer.promise };
}

Msg.prototype.resend = async function resend() {
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
