// Changes of groups. Most leave a row in the chat, which catch-up finds, too. Promotions of others, and a person who leaves
// a group in which this account is no admin, leave none: only the page's own function for the data base sees them. It gets
// the parts of the row's id, so what both announce is one event.

const WITHOUT_PEOPLE = ["subject", "description", "picture", "announce", "restrict", "approval", "ephemeral", "invite"];
const NAMES = {
  invite: "join",
  linked_group_join: "join",
  revoke_invite: "invite",
  parent_group_description: "description",
  desc_add: "description",
  desc_remove: "description",
  membership_approval_mode: "approval",
  membership_approval_request: "request",
  created_membership_requests: "request",
  community_create: "create",
  empty_subgroup_create: "create",
  auto_add: "add",
  default_sub_group_admin_add: "add",
  community_participant_add_rich: "add",
  sub_group_participant_add_rich: "add",
  community_invite_rich: "join",
  sub_group_invite_rich: "join",
};

const seenPerson = (id) => {
  const { pn, lid } = aliases(id);
  return { pn: pn ?? null, lid: lid ?? null };
};

const KEPT = 1000;
const announced = new Set(); // since the load; what the session knows from before it drops

function putGroup(once, group, t, by, name, people, more = {}) {
  if (announced.has(once)) return;
  announced.add(once);
  if (announced.size > KEPT) announced.delete(announced.values().next().value);
  const action = NAMES[name] ?? name;
  const fields = { action, group, by: by ?? null, ...more };
  if (people.length && !WITHOUT_PEOPLE.includes(action)) fields.people = people.map(seenPerson);
  putEvent("group", once, group, t, fields, by);
}

const SYSTEM_ONLY = ["initial_pHash_mismatch", "announce_msg_bounce", "v4_add_invite_sent"];

async function announceRow(msg) {
  if (read(msg, "type") !== "gp2") return;
  const key = keyParts(msg.id);
  const group = address(msg.id.remote);
  const name = text(read(msg, "subtype"));
  if (!group || !name || SYSTEM_ONLY.includes(name)) return;
  const by = address(read(msg, "author")) ?? key.participant;
  const body = text(read(msg, "body"));
  const [first] = read(msg, "templateParams") ?? [];
  const more = {};
  if (["subject", "create"].includes(name)) more.subject = body;
  if (NAMES[name] === "description" || name === "description") more.description = body ?? "";
  if (name === "picture") more.on = body === "set";
  if (["on", "off"].includes(first ?? body)) more.on = (first ?? body) === "on";
  if (name === "ephemeral") more.ephemeral = Number(first) || 0;
  let people = (read(msg, "recipients") ?? []).map(address).filter(Boolean);
  if (!people.length && by && ["leave", "membership_approval_request"].includes(name)) people = [by];
  putGroup(key.id ?? raw(key.serialized), group, read(msg, "t"), by, name, people, more);
}

WPP.on("chat.new_message", announceRow);
finders.push(announceRow);

const WITHOUT_ROW = ["add", "remove", "promote", "demote", "created_membership_requests"];

function announceAction({ chatId, author, externalId, ts }, { actionType, participants, reason, requests }) {
  if (!WITHOUT_ROW.includes(actionType) || !externalId) return;
  const by = address(author);
  const named = actionType === "created_membership_requests" ? (requests ?? []).map(({ wid }) => wid) : participants ?? [];
  const people = named.map((one) => address(one?.id ?? one)).filter(Boolean);
  let name = actionType;
  if (name === "add" && ["invite", "linked_group_join"].includes(reason)) name = "invite";
  if (name === "remove" && people.includes(by)) name = "leave";
  putGroup(`${externalId}${ts ?? ""}`, address(chatId), ts, by, name, people);
}

WPP.loader.onInjected(() => {
  const updates = attempt(() => window.require("WAWebUpdateDbForGroupActionApi"));
  const update = updates?.updateDBForGroupAction;
  if (typeof update !== "function") return; // rows are announced all the same
  attempt(() => {
    updates.updateDBForGroupAction = function (meta, action, ...rest) {
      attempt(() => announceAction(meta, action));
      return update.call(this, meta, action, ...rest);
    };
  });
});
