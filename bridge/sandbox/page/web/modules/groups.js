// Groups: their state in the page's memory, and what the page asks of the service for them.

import { socket } from '../socket.js';
import { BaseCollection, Collection, Model } from '../model.js';
import { register, use } from '../registry.js';
import { createWid } from './identity.js';
import { isMe } from './login.js';

class Participant extends Model {}
Participant.prototype.proxyName = 'participant';

class ParticipantCollection extends Collection {
  #me = () => this.getModelsArray().find(({ id }) => isMe(id.toString()));

  iAmMember() {
    return Boolean(this.#me());
  }

  iAmAdmin() {
    return this.#me()?.isAdmin === true;
  }

  iAmSuperAdmin() {
    return this.#me()?.isSuperAdmin === true;
  }

  iAmRestrictedMember() {
    return this.restrict && !this.iAmAdmin();
  }

  canAdd() {
    return this.iAmAdmin();
  }

  canRemove(participant) {
    return this.iAmAdmin() && !isMe(participant.id.toString());
  }

  canPromote(participant) {
    return this.canRemove(participant) && !participant.isAdmin;
  }

  canDemote(participant) {
    return this.canRemove(participant) && participant.isAdmin && !participant.isSuperAdmin;
  }
}

class GroupMetadata extends Model {
  canSetSubject() {
    return this.participants.iAmMember() && (this.participants.iAmAdmin() || !this.restrict);
  }

  canSetDescription() {
    return this.canSetSubject();
  }

  canSetGroupProperty() {
    return this.participants.iAmAdmin();
  }

  canSetEphemeralSetting() {
    return this.canSetSubject();
  }
}
GroupMetadata.prototype.proxyName = 'group-metadata';

class GroupMetadataCollection extends BaseCollection {
  constructor() {
    super(GroupMetadata);
  }

  _handleParentGroupChange() {}
}
const groups = new GroupMetadataCollection();

const wids = (addresses) => addresses.map(createWid);

// Takes the state of a group from its database record.
export function describeGroup(chat, { name, group }) {
  const participants = Object.assign(new ParticipantCollection(Participant), { restrict: group.restrict });
  participants.add(group.participants.map((id) => ({
    id: createWid(id), isAdmin: group.admins.includes(id), isSuperAdmin: id === group.owner,
  })));
  const fields = {
    participants,
    subject: name,
    owner: group.owner ? createWid(group.owner) : undefined,
    creation: group.created,
    desc: group.description || undefined,
    descId: group.description_id ?? undefined,
    announce: group.announce,
    restrict: group.restrict,
    ephemeralDuration: group.ephemeral,
    membershipApprovalMode: group.approval,
    memberAddMode: group.members_add ? 'all_member_add' : 'admin_add',
    parentGroup: group.parent ? createWid(group.parent) : undefined,
    isParentGroup: group.community,
    joinedSubgroups: wids(group.children),
    unjoinedSubgroups: [],
    size: group.participants.length,
    isLidAddressingMode: true,
    stale: false,
  };
  const known = groups.get(chat.id);
  chat.groupMetadata = known ? known.set(fields) : groups.add({ id: chat.id, ...fields });
  chat.isReadOnly = !participants.iAmMember();
}

class ServerStatusCodeError extends Error {
  constructor(status) {
    super(`Server Error: ${status}`);
    this.name = 'ServerStatusCodeError';
    this.status = status;
  }
}

// Without an answer it does not return.
async function ask(kind, fields) {
  const answer = await socket.service('group', { kind, fields });
  if (answer === null) await new Promise(() => {});
  if (answer.refused) throw new ServerStatusCodeError(answer.refused);
  return answer.value;
}

// The address that the request names a person by; in a group with LIDs the service answers with the LID.
const asked = ({ lid, phoneNumber }) => (lid ?? phoneNumber).toString();

// A person's result. The service gives the address that it was asked for, where the person has no account.
const result = ({ address, code, invite_code: inviteCode }) => ({
  userWid: createWid(address),
  username: null,
  code: String(code),
  invite_code: inviteCode ?? null,
  invite_code_exp: inviteCode ? String(Math.floor(Date.now() / 1000) + 259200) : null,
});

const modify = (kind, of = String) => async (group, people) => {
  const answers = await ask(kind, { group: group.toString(), people: people.map(of) });
  return { status: 207, participants: answers.map(result) };
};

// `announce` and `restrict` are the wrong way round, as in the real page.
async function createGroup({ title, announce, restrict, ephemeralDuration }, people) {
  const settings = { announce: !announce, restrict: !restrict, ephemeral: ephemeralDuration ?? 0 };
  const made = await ask('create', { subject: title, people: people.map(asked), settings });
  const participants = made.people.map(result).map(({ userWid, code, ...invite }) =>
    ({ wid: userWid, error: code === '200' ? null : Number(code), ...invite }));
  return { wid: createWid(made.group), subject: title, participants };
}

const change = (group, settings) => ask('change', { group: group.toString(), settings });

// It resolves also where the service refuses.
async function setGroupProperty(group, property, value) {
  const names = { announcement: 'announce', restrict: 'restrict', ephemeral: 'ephemeral', membership_approval_mode: 'approval' };
  if (!names[property]) throw new Error(`invalid group property ${property}`);
  try {
    await change(group, { [names[property]]: property === 'ephemeral' ? value : value === 1 });
    return { name: 'SetPropertyResponseSuccess', value: {} };
  } catch ({ status }) {
    return {
      name: status < 500 ? 'SetPropertyResponseClientError' : 'SetPropertyResponseServerError',
      value: { [status < 500 ? 'errorSetPropertyClientErrors' : 'errorServerErrors']: { value: { code: String(status) } } },
    };
  }
}

async function joinGroupViaInvite(code) {
  const gid = createWid(await ask('join', { code }));
  return { gid };
}

async function queryGroupInvite(code) {
  const { id, subject, size, approval } = await ask('by_invite', { code });
  return { status: 200, groupInfo: { id: createWid(id), subject, size, membershipApprovalMode: approval, participants: [] } };
}

// A refusal is only shown on the screen.
async function sendExitGroup(chat) {
  try {
    await ask('leave', { group: chat.id.toString() });
    return true;
  } catch {
    return false;
  }
}

const requests = new Map();

async function queryRequests(group) {
  const found = await ask('requests', { group: group.toString() });
  requests.set(group.toString(), found.map(({ person, t }) =>
    ({ id: createWid(person), t, addedBy: createWid(person), requestMethod: 'InviteLink' })));
}

async function decideRequests(group, people, action) {
  const answers = await ask('decide', { group: group.toString(), people: people.map(asked), approve: action === 'Approve' });
  return answers.map(({ address, code }) => ({
    wid: createWid(address),
    error: code === 200 ? null : { name: 'ParticipantNotFound', value: { error: String(code) } },
  }));
}

// wa-js replaces it to see what changes.
const updates = { updateDBForGroupAction: async () => {} };

export function changed({ meta, action, people, reason }) {
  const { chatId, author, ...rest } = meta;
  const participants = people.map((id) => ({ id: createWid(id), isAdmin: false, isSuperAdmin: false }));
  void use('WAWebUpdateDbForGroupActionApi').updateDBForGroupAction(
    { ...rest, chatId: createWid(chatId), author: createWid(author), pushname: '' },
    { actionType: action, participants, reason: reason ?? undefined, requests: participants.map(({ id }) => ({ wid: id })) },
  );
}

register({
  WAWebParticipantModel: { Participant },
  WAWebParticipantCollection: { default: ParticipantCollection },
  WAWebGroupMetadataModel: { GroupMetadata },
  WAWebGroupMetadataCollection: { default: groups },
  WAWebGroupConstants: {
    GROUP_SETTING_TYPE: {
      ANNOUNCEMENT: 'announcement', RESTRICT: 'restrict', EPHEMERAL: 'ephemeral', MEMBERSHIP_APPROVAL_MODE: 'membership_approval_mode',
    },
  },
  WAWebGroupCreateJob: { createGroup, GroupAlreadyExistsError: class extends Error {} },
  WAWebGroupModifyParticipantsJob: {
    addGroupParticipants: modify('add', asked),
    removeGroupParticipants: modify('remove'),
    promoteGroupParticipants: modify('promote'),
    demoteGroupParticipants: modify('demote'),
  },
  WAWebGroupModifyInfoJob: {
    setGroupSubject: (group, subject) => change(group, { subject }),
    setGroupDescription: (group, description) => change(group, { description: description ?? '' }),
    setGroupProperty,
  },
  WAWebGroupInviteJob: {
    joinGroupViaInvite,
    resetGroupInviteCode: async (group) => ({ code: await ask('revoke_invite', { group: group.toString() }) }),
  },
  WAWebMexFetchGroupInviteCodeJob: { fetchMexGroupInviteCode: (group) => ask('invite', { group: group.toString() }) },
  WAWebGroupQueryBridge: { sendQueryGroupInvite: queryGroupInvite },
  WAWebExitGroupAction: { sendExitGroup },
  WAWebGroupGetMembershipApprovalRequestsJob: { queryAndUpdateGroupMembershipApprovalRequests: queryRequests },
  WAWebApiMembershipApprovalRequestStore: {
    getMembershipApprovalRequests: async (group) => requests.get(group.toString()) ?? [],
  },
  WAWebGroupMembershipRequestsActionJob: { membershipApprovalRequestAction: decideRequests },
  WAWebUpdateDbForGroupActionApi: updates,
});
