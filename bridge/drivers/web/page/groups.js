// Groups: who may do what, and what the service answers, for a whole request and for each person of it.
//
// wa-js's own functions lose the answers for single people, and fail as a whole for one unknown number: the functions of
// the page that they call are called directly.

const page = () => WPP.whatsapp.functions;
const LINK = "https://chat.whatsapp.com/";

// What the service's codes for one person mean: [error code, text].
const PERSON_CODES = {
  401: ["not_allowed", "The person's settings do not let this account do that, or the person has blocked it (401)."],
  402: ["not_allowed", "The person is banned from the group (402)."],
  403: ["not_allowed", "The person's settings allow invitations only (403)."],
  404: ["not_found", "WhatsApp does not know the person in this group (404)."],
  405: ["not_allowed", "WhatsApp does not allow it for this person (405)."],
  406: ["not_allowed", "WhatsApp does not take it for this person (406): the owner of a group, for example."],
  408: ["not_allowed", "The person left the group recently and can only be invited (408)."],
  417: ["not_allowed", "The person cannot be added to the community now (417)."],
  419: ["limit_reached", "The group is full (419)."],
  429: ["limit_reached", "Too many people in a short time (429)."],
  451: ["not_allowed", "WhatsApp may not do it for this person for legal reasons (451)."],
};

// A refusal of the service for the whole request. Of its own failure nothing can be known.
function groupRefusal(error) {
  const status = number(Number(error?.status));
  if (status === undefined) return error;
  if (status >= 500) return inDoubt(`WhatsApp's service failed (${status})`);
  if (status === 404) return new Failure("no_group", "WhatsApp knows no such group (404).");
  if (status === 429) return new Failure("limit_reached", "WhatsApp refused it: too much in a short time (429). Wait before the next try.");
  if ([401, 403].includes(status)) return new Failure("not_allowed", `WhatsApp does not allow this account to do that (${status}).`);
  return new Failure("refused", `WhatsApp refused it (${status}).`);
}

const asked = (promise) => Promise.resolve(promise).catch((error) => {
  throw groupRefusal(error);
});

const isMyAddress = (id) => [WPP.conn.getMyUserId?.(), WPP.conn.getMyUserLid?.()].some((mine) => mine && address(mine) === id);

const membersOf = (chat) => chat.groupMetadata?.participants?.getModelsArray?.() ?? [];

// Members by each of their addresses.
function byAddress(members) {
  const found = new Map();
  for (const member of members) {
    const id = address(member.id);
    for (const form of [id, ...Object.values(aliases(id))]) if (form) found.set(form, member);
  }
  return found;
}

async function openGroup([id]) {
  const chat = attempt(() => WPP.chat.get(id));
  if (!chat) throw new Failure("no_group", `This account has no group ${id}.`);
  await asked(WPP.whatsapp.GroupMetadataStore.find(chat.id));
  return { chat, id, meta: chat.groupMetadata };
}

const isMemberOf = (meta) => Boolean(meta?.participants?.iAmMember?.());
const isAdminOf = (meta) => isMemberOf(meta) && Boolean(meta.participants.iAmAdmin());

function requireMember({ meta }) {
  if (!isMemberOf(meta)) throw new Failure("not_allowed", "This account is not a member of the group.");
}

async function openAdministered(group, mayToo = () => false) {
  const opened = await openGroup(group);
  requireMember(opened);
  if (!isAdminOf(opened.meta) && !mayToo(opened.meta)) throw new Failure("not_allowed", "Only an admin of the group can do that.");
  return opened;
}

// Why no message can go to a chat, if the page knows it. A group that the page has not read yet is not judged.
function writingRefused(chat) {
  const meta = chat?.id?.server === "g.us" ? chat.groupMetadata : undefined;
  if (!meta || !(membersOf(chat).length || chat.isReadOnly)) return null;
  if (!isMemberOf(meta)) return "This account is not a member of the group.";
  return meta.announce && !isAdminOf(meta) ? "Only admins write in this group, and this account is none." : null;
}

// The addresses of a person, for the session to identify.
function memberOf(id, known = {}) {
  const { pn, lid } = { ...known, ...Object.fromEntries(Object.entries(aliases(id)).filter(([, form]) => form)) };
  return { kind: "person", pn: pn ?? null, lid: lid ?? null };
}

const outcome = (to, id, status, more) => ({ to, person: id ? memberOf(id) : null, status, code: null, ...more });
const failed = (to, id, [code, text]) => outcome(to, id, "failed", { code, text });

const YOURSELF = ["invalid", "That is this account itself."];
const NO_MEMBER = ["not_found", "The person is not in the group."];

// The address of a person who may be new to the account. An unknown number is asked for at the service.
async function findPerson(forms) {
  if (forms.some(isMyAddress)) return { problem: YOURSELF };
  for (const form of forms) {
    const { pn, lid } = aliases(form);
    if (pn && (lid || attempt(() => WPP.whatsapp.ContactStore.get(form)))) return { id: form, pn, lid };
  }
  for (const form of forms) {
    const wid = WPP.util.createWid(form);
    if (wid.server !== "c.us") {
      return { problem: ["refused", "WhatsApp does not show this person's number, so the person can only be invited."] };
    }
    let found;
    try {
      found = await page().queryWidExists(wid);
    } catch (error) {
      if (number(error?.status) === 429) return { problem: PERSON_CODES[429] };
      return { problem: ["not_connected", `WhatsApp did not answer whether the number exists: ${error?.message ?? error}`] };
    }
    if (found?.wid) return { id: form, pn: form, lid: aliases(form).lid ?? (found.wid.server === "lid" ? address(found.wid) : null) };
  }
  return { problem: ["not_on_whatsapp", "This number is not on WhatsApp. Check its country code and area code."] };
}

const participantOf = ({ pn, lid }) => ({
  phoneNumber: WPP.util.createWid(pn),
  ...(lid && { lid: WPP.util.createWid(lid) }),
});

const keyOf = ({ lid, pn, id }) => lid ?? pn ?? id;

// Which answer of the service belongs to which person: it may use another of the person's addresses.
function answersFor(people, answers) {
  const left = answers.map(({ userWid, wid, code, error }) => ({ id: address(userWid ?? wid), code: Number(code ?? error ?? 200) }));
  const take = (test) => {
    const index = left.findIndex(test);
    return index < 0 ? undefined : left.splice(index, 1)[0];
  };
  const found = people.map(({ forms }) => {
    const all = new Set(forms.flatMap((form) => [form, ...Object.values(aliases(form))]).filter(Boolean));
    return take(({ id }) => all.has(id) || Object.values(aliases(id)).some((form) => all.has(form)));
  });
  const missing = found.flatMap((one, index) => (one ? [] : [index]));
  if (missing.length === 1 && left.length === 1) [found[missing[0]]] = left;
  return found;
}

async function linkOf(id) {
  const code = await page().sendQueryGroupInviteCode(WPP.util.createWid(id)).catch(() => undefined);
  return text(code) ? LINK + code : undefined;
}

// The outcomes for people who were to be added, in their order: `results` has those that need no answer of the service.
async function addedOutcomes(group, results, people, answers) {
  const codes = answersFor(people, answers);
  const link = codes.some((one) => [403, 408].includes(one?.code)) ? await linkOf(group) : undefined;
  people.forEach(({ index, to, id }, n) => {
    const code = codes[n]?.code;
    const known = PERSON_CODES[code];
    if (code === 200) results[index] = outcome(to, id, "done");
    else if (code === 409) results[index] = outcome(to, id, "done", { text: "The person was in the group already." });
    else if (code === 421) results[index] = outcome(to, id, "invited", { text: "An admin of the group has to approve." });
    else if ([403, 408].includes(code) && link) results[index] = outcome(to, id, "invited", { text: known[1], invite: link });
    else if (code === 404) results[index] = failed(to, id, ["not_on_whatsapp", "WhatsApp knows no such person (404)."]);
    else results[index] = failed(to, id, known ?? ["internal", `WhatsApp did not do it for this person (${code ?? "no answer"}).`]);
  });
  return results;
}

// Each person once, with the address to ask the service for; the others have their outcome already.
async function findPeople(lists, given, skip = () => undefined) {
  const results = [];
  const people = [];
  for (const [index, forms] of lists.entries()) {
    const to = given[index];
    const done = skip(forms, to);
    const found = done ? undefined : await findPerson(forms);
    if (done) results[index] = done;
    else if (found.problem) results[index] = failed(to, forms[0], found.problem);
    else people.push({ index, to, forms: [found.id, found.pn, found.lid].filter(Boolean), ...found });
  }
  const distinct = [...new Map(people.map((one) => [keyOf(one), one])).values()];
  return { results, people, distinct };
}

// The members among people, each once; `test` returns why it cannot be done for a member, or why it is done.
function pickMembers(meta, lists, given, test) {
  const members = meta.participants.getModelsArray();
  const known = byAddress(members);
  const me = members.find(({ id }) => isMyAddress(address(id))); // the page pairs no addresses of the account itself
  const results = [];
  const people = [];
  for (const [index, forms] of lists.entries()) {
    const to = given[index];
    const member = forms.some(isMyAddress) ? me : forms.map((form) => known.get(form)).find(Boolean);
    const id = member ? address(member.id) : forms[0];
    const decided = !member ? failed(to, id, NO_MEMBER) : test(member, to, id);
    if (decided) results[index] = decided;
    else people.push({ index, to, id, member, forms: [id] });
  }
  return { results, people, distinct: [...new Map(people.map((one) => [one.id, one])).values()] };
}

function memberOutcomes(results, people, answers) {
  const codes = answersFor(people, answers ?? people.map(({ id }) => ({ userWid: id, code: 200 })));
  people.forEach(({ index, to, id }, n) => {
    const code = codes[n]?.code;
    results[index] = code === 200
      ? outcome(to, id, "done")
      : failed(to, id, PERSON_CODES[code] ?? ["internal", `WhatsApp did not do it for this person (${code ?? "no answer"}).`]);
  });
  return { people: results };
}

// A change of members by one of the page's functions.
async function changeMembers(name, { group, people }, given, test) {
  const { chat, meta } = await openAdministered(group);
  const picked = pickMembers(meta, people, given.people, test);
  if (!picked.distinct.length) return { people: picked.results };
  const wids = picked.distinct.map(({ member }) => member.id);
  const answer = await asked(page()[name](chat.id, wids, meta.isLidAddressingMode === true));
  return memberOutcomes(picked.results, picked.people, answer?.participants && spread(picked, answer.participants));
}

// A person whom the request names twice has one answer.
function spread({ people, distinct }, answers) {
  const codes = new Map(answersFor(distinct, answers).map((one, n) => [keyOf(distinct[n]), one]));
  return people.flatMap((one) => {
    const answer = codes.get(keyOf(one));
    return answer ? [{ userWid: answer.id, code: answer.code }] : [];
  });
}

function entryOf(chat) {
  const meta = chat.groupMetadata;
  const known = membersOf(chat).length > 0 || chat.isReadOnly;
  return {
    group: address(chat.id),
    subject: text(read(meta ?? {}, "subject")) ?? text(read(chat, "formattedTitle")) ?? text(read(chat, "name")) ?? null,
    size: membersOf(chat).length || number(read(meta ?? {}, "size")) || null,
    member: known ? isMemberOf(meta) : null,
    admin: known ? isAdminOf(meta) : null,
    announce: flag(read(meta ?? {}, "announce")) ?? null,
    community: flag(read(meta ?? {}, "isParentGroup")) ?? null,
    parent: address(read(meta ?? {}, "parentGroup")),
  };
}

const NOT_ASKED = ["not_found", "The person has not asked to join."];

// Answers people who asked to join: "Approve" or "Reject".
async function decideRequests(action, { group, people: lists }, given) {
  const { chat } = await openAdministered(group);
  const results = [];
  const people = lists.map((forms, index) => {
    const { pn, lid } = forms.map(aliases).find((both) => both.lid) ?? aliases(forms[0]);
    return { index, to: given.people[index], id: lid ?? pn ?? forms[0], pn, lid, forms };
  });
  const distinct = [...new Map(people.map((one) => [one.id, one])).values()];
  const wids = distinct.map(({ pn, lid }) => ({
    ...(lid && { lid: WPP.util.createWid(lid) }),
    ...(pn && { phoneNumber: WPP.util.createWid(pn) }),
  }));
  const answers = (await asked(page().membershipApprovalRequestAction(chat.id, wids, action))).map(({ wid, error }) =>
    ({ userWid: wid, code: error ? Number(error.value?.error ?? 400) : 200 }));
  const codes = answersFor(distinct, answers);
  people.forEach(({ index, to, id }) => {
    const code = codes[distinct.findIndex((one) => one.id === id)]?.code;
    if (code === 200) results[index] = outcome(to, id, "done");
    else if ([400, 404, 409].includes(code)) results[index] = failed(to, id, NOT_ASKED);
    else results[index] = failed(to, id, PERSON_CODES[code] ?? ["internal", `WhatsApp did not do it for this person (${code ?? "no answer"}).`]);
  });
  return { people: results };
}
