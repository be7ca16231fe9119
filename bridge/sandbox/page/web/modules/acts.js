// What is done to messages: reactions, edits, revocations, votes, forwarded copies.
//
// Each changes the page's stores; only what comes while the page is open is announced.

import { socket } from '../socket.js';
import { register, use } from '../registry.js';
import { createWid, MsgKey } from './identity.js';
import { isMe } from './login.js';
import { flatten, inflate, MsgCollection } from './messages.js';

// Returns whether the service took it; without an answer it does not return.
async function request(kind, fields) {
  const answer = await socket.service('act', { kind, ...flatten(fields) });
  if (answer === null) await new Promise(() => {});
  return !answer.refused;
}

async function sendReactionToMsg(msg, emoji) {
  if (!(await request('react', { key: msg.id, emoji }))) throw new Error('Reaction send error');
}

// The text changes first, and stays if it is refused.
async function addAndSendMessageEdit(msg, { id, body, latestEditMsgKey, latestEditSenderTimestampMs }) {
  const text = msg.type === 'chat' ? { body } : { caption: body };
  msg.set({ ...text, latestEditMsgKey, latestEditSenderTimestampMs });
  if (!(await request('edit', { key: msg.id, id: id.id, body }))) msg.isSendFailure = true;
}

const revoke = (msg) => request('revoke', { key: msg.id });

async function forwardMessages({ chat, msgs, includeCaption }) {
  const { addAndSendMsgToChat } = use('WAWebSendMsgChatAction');
  const { getMaybeMePnUser, getMaybeMeLidUser } = use('WAWebUserPrefsMeUser');
  for (const msg of msgs) {
    if (msg.type === 'poll_creation') throw new Error('cannot forward a poll');
    const group = chat.id.isGroup();
    const from = group || chat.id.isLid() ? getMaybeMeLidUser() : getMaybeMePnUser();
    const id = new MsgKey({ fromMe: true, remote: chat.id, id: await MsgKey.newId(), participant: group ? from : undefined });
    const copied = { ...msg.attributes, isForwarded: true, forwardingScore: (msg.forwardingScore ?? 0) + 1 };
    for (const name of ['author', 'quotedStanzaID', 'quotedMsg', 'quotedParticipant', 'latestEditMsgKey']) delete copied[name];
    if (!includeCaption) delete copied.caption;
    const t = Math.floor(Date.now() / 1000);
    const [stored] = addAndSendMsgToChat(chat, { ...copied, id, from, to: chat.id, self: 'out', local: true, isNewMsg: true, t });
    await stored;
  }
  return [];
}

// wa-js replaces both functions to see what comes in.
const reactionsModule = { addOrUpdateReactionsModelCollection: async () => {} };
const votesModule = { upsertVotesDb: async () => {} };

export function reacted({ reaction }) {
  const { timestamp: t, ...fields } = reaction;
  MsgCollection.get(reaction.parentMsgKey)?.set({ hasReaction: Boolean(reaction.reactionText) });
  void use('WAWebReactionsCollectionUpdate').addOrUpdateReactionsModelCollection({ ...fields, t }, true);
}

const inflateVote = (vote) => ({ ...vote, parentMsgKey: MsgKey.fromString(vote.parentMsgKey), sender: createWid(vote.sender) });

export function voted({ vote }) {
  void use('WAWebPollsVotesDb').upsertVotesDb([inflateVote(vote)]);
}

export function edited({ record }) {
  const { body, caption, latestEditMsgKey, latestEditSenderTimestampMs } = inflate(record);
  MsgCollection.get(record.id)?.set({ body, caption, latestEditMsgKey, latestEditSenderTimestampMs });
}

export function revoked({ before, own, record }) {
  const { id, t, from, to, author, subtype, protocolMessageKey, revokeSender } = inflate(record);
  if (!own) {
    const revocation = { id, t, from, to, author, subtype, protocolMessageKey, type: 'protocol', isNewMsg: true };
    void MsgCollection.processMultipleMessages(id.remote, [revocation]);
  }
  MsgCollection.replaceId(before, id)?.set({ body: '', caption: undefined, type: 'revoked', subtype, protocolMessageKey, revokeSender });
}

async function getReactions(key) {
  const rows = await socket.database('reactions', { key: String(key) });
  const found = rows.filter(({ reactionText }) => reactionText);
  const mine = found.find(({ senderUserJid }) => isMe(senderUserJid));
  const emojis = [...new Set(found.map(({ reactionText }) => reactionText))];
  return {
    reactionByMe: mine,
    reactions: emojis.map((aggregateEmoji) => ({
      aggregateEmoji,
      hasReactionByMe: mine?.reactionText === aggregateEmoji,
      senders: found.filter(({ reactionText }) => reactionText === aggregateEmoji),
    })),
  };
}

async function getVotes(keys) {
  const found = await Promise.all(keys.map((key) => socket.database('votes', { key: String(key) })));
  return found.flat().map(inflateVote);
}

const reactionsTable = { all: () => socket.database('reactions') };
const votesTable = { all: () => socket.database('votes') };

const messageTable = { greaterThan: ([field], above) => socket.database('indexed', { field, above }) };

// wa-js recognizes the function by the name in its text.
const getTable = () => ({ 'poll-votes': votesTable })["poll-votes"];

register({
  SandboxActs: { revoke },
  WAWebSendReactionMsgAction: { sendReactionToMsg },
  WAWebReactionsCollectionUpdate: reactionsModule,
  WAWebReactionsBridge: { getReactions },
  WAWebSchemaReactions: { getReactionsTable: () => reactionsTable },
  WAWebSchemaMessage: { getMessageTable: () => messageTable },
  WAWebPollsVotesSchema: { getTable },
  WAWebSendMessageEditAction: { addAndSendMessageEdit },
  WAWebChatForwardMessage: { forwardMessages },
  WAWebPollsVotesDb: votesModule,
  WAWebPollsGetVotes: { getVotes, getVote: async (key) => (await getVotes([key]))[0] },
});
