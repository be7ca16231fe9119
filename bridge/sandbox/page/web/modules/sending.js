// Sending: to the store, the device's database, and the service; repeated after a load and when the link returns.

import { socket } from '../socket.js';
import { register } from '../registry.js';
import { Chat } from './chats.js';
import { flatten, Msg, MsgCollection } from './messages.js';

// Messages that the service has not answered yet, in the order of writing: key -> {record, answer}.
const unanswered = new Map();

// Nothing is lost if the link or the socket is down: `resend` runs when the link returns.
async function transmit(record) {
  if (socket.isUp) await socket.service('transmit', { record }).catch(() => {});
}

function addAndSendMsgToChat(chat, fields) {
  if (!(chat instanceof Chat)) throw new TypeError('addAndSendMsgToChat: not a chat');
  const msg = MsgCollection.add(new Msg({ ...fields, ack: 0 }));
  chat.takeIn(msg);
  const record = flatten(fields);
  const answer = Promise.withResolvers();
  const stored = socket.database('write', { record }).then(() => {
    unanswered.set(record.id, { record, answer });
    void transmit(record);
    return msg;
  });
  return [stored, stored.then(() => answer.promise)];
}

export function rememberPending(records) {
  for (const record of records) unanswered.set(record.id, { record, answer: Promise.withResolvers() });
}

export function resend() {
  for (const { record } of unanswered.values()) void transmit(record);
}

export function answered(key, messageSendResult, ack, t) {
  const msg = MsgCollection.get(key);
  if (msg && (msg.ack < ack || ack < 0)) msg.ack = ack;
  unanswered.get(key)?.answer.resolve({ messageSendResult, t, count: null });
  unanswered.delete(key);
}

register({
  WAWebSendMsgChatAction: { addAndSendMsgToChat },
  WAWebSendMsgResultAction: { SendMsgResult: { OK: 'OK', ERROR_NETWORK: 'ERROR_NETWORK', ERROR_UNKNOWN: 'ERROR_UNKNOWN' } },
  WAWebGetEphemeralFieldsMsgActionsUtils: { getEphemeralFields: () => ({}) },
});
