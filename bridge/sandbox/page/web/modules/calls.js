// Incoming calls: a model of each, and a message of type call_log when it is over. A page that does not handle calls itself
// refuses one with a stanza; a page that does, through its stack for calls.

import { socket } from '../socket.js';
import { EventEmitter } from '../model.js';
import { register } from '../registry.js';
import { ChatCollection } from './chats.js';
import { createWid, MsgKey } from './identity.js';
import { getMaybeMePnUser } from './login.js';
import { Msg, MsgCollection } from './messages.js';

const CallState = {
  None: 0, Calling: 1, PreacceptReceived: 2, ReceivedCall: 3, AcceptSent: 4, AcceptReceived: 5, CallActive: 6,
  CallActiveElseWhere: 7, ReceivedCallWithoutOffer: 8, Rejoining: 9, Link: 10, ConnectedLonely: 11, PreCalling: 12,
  CallStateEnding: 13,
};

class Call extends EventEmitter {
  #state = null;
  isVideo = false;
  isGroup = false;
  groupJid = null;
  outgoing = false;

  constructor(id) {
    super();
    this.id = id;
  }

  getState() {
    return this.#state;
  }

  setState(state) {
    this.#state = state;
    this.trigger('change:state');
  }
}

class CallCollectionImpl extends EventEmitter {
  #calls = new Map();
  activeCall = null;

  get(id) {
    return this.#calls.get(id);
  }

  getModelsArray() {
    return [...this.#calls.values()];
  }

  processIncomingCall(id, peerJid, { isVideo, offerTime }) {
    if (!this.#calls.has(id)) this.#calls.set(id, Object.assign(new Call(id), { peerJid, isVideo, offerTime }));
    return this.#calls.get(id);
  }

  setActiveCall(call) {
    this.activeCall = call;
    this.trigger('change:activeCall', call);
  }
}
const calls = new CallCollectionImpl();

// Written by the page itself, with the call's id.
function log({ id, caller, video, t, outcome }) {
  const peer = createWid(caller);
  const chat = ChatCollection.get(peer);
  if (!chat) return;
  const key = new MsgKey({ fromMe: false, remote: chat.id, id });
  const fields = { type: 'call_log', from: peer, to: getMaybeMePnUser(), callOutcome: outcome, isVideoCall: video, callCreator: peer };
  chat.msgs.add(MsgCollection.add(new Msg({ id: key, t, isNewMsg: true, ack: 1, ...fields })));
}

export function takeCall({ id, caller, video, t, outcome, native }) {
  const fields = { isVideo: video, offerTime: t };
  if (!outcome && native) {
    const call = Object.assign(new Call(id), { peerJid: createWid(caller), ...fields });
    calls.setActiveCall(call);
    call.setState(CallState.ReceivedCall);
    return;
  }
  const call = calls.activeCall?.id === id ? calls.activeCall : calls.processIncomingCall(id, createWid(caller), fields);
  call.setState(outcome ? CallState.CallStateEnding : CallState.ReceivedCall);
  if (!outcome) return;
  log({ id, caller, video, t, outcome });
  if (calls.activeCall === call) calls.setActiveCall(null);
}

const smax = (tag, attrs, content) => ({ tag, attrs, content });

async function sendSmaxStanza({ content: [{ tag, attrs }] }) {
  if (tag === 'reject') await socket.service('reject_call', { id: attrs['call-id'] });
}

register({
  WAWebCallModel: { default: Call },
  WAWebCallCollection: { default: calls },
  WAWebVoipWaCallEnums: { CallState },
  WAWebVoipStackInterface: {
    getVoipStackInterface: async () =>
      calls.activeCall && { rejectCall: () => socket.service('reject_call', { id: calls.activeCall.id }) },
  },
  WAWebManageE2ESessionsJob: { ensureE2ESessions: async () => {} },
  WAWap: { smax, generateId: () => `${Date.now()}` },
  WAComms: { sendSmaxStanza },
});
