// People as the page knows them. Its store has a person under each of the addresses, so a person is {pn, lid} here.

const ABOUT_MS = 5_000;

const modelsOf = ({ pn, lid }) =>
  [pn, lid].map((form) => form && attempt(() => store("ContactStore")?.get(form))).filter(Boolean);

const isMine = ({ pn, lid }) => {
  const own = [attempt(() => WPP.conn.getMyUserId()), attempt(() => WPP.conn.getMyUserLid())].map(address);
  return [pn, lid].some((form) => form && own.includes(form));
};

// The account's own number is not in the page's table of pairs.
function personAt(form) {
  const found = aliases(form);
  return isMine(found) ? { pn: address(WPP.conn.getMyUserId()), lid: address(attempt(() => WPP.conn.getMyUserLid())) } : found;
}

// A migrated account blocks LIDs, others block numbers.
const isBlocked = ({ pn, lid }) => [pn, lid].some((form) => form && attempt(() => store("BlocklistStore")?.get(form)));

const firstOf = (models, field) => models.map((model) => text(read(model, field))).find(Boolean) ?? null;

function contactEntry(person) {
  const models = modelsOf(person);
  return {
    contact: person.pn ?? person.lid,
    from_pn: person.pn ?? null,
    from_lid: person.lid ?? null,
    name: firstOf(models, "name"),
    pushname: firstOf(models, "pushname"),
    business: models.some((model) => read(model, "isBusiness") === true),
    saved: models.some((model) => read(model, "isMyContact") === true),
    blocked: Boolean(isBlocked(person)),
  };
}

async function lookedUp(form) {
  const found = await WPP.whatsapp.functions.queryWidExists(WPP.util.createWid(form)).catch((error) => {
    const code = number(error?.status) === 429 ? "limit_reached" : "lookup_failed";
    throw new Failure(code, String(error?.message ?? error));
  });
  if (!found?.wid) return undefined;
  const lid = address(found.lid) ?? aliases(address(found.wid)).lid ?? aliases(form).lid;
  return { pn: form, lid, business: Boolean(found.biz) };
}

// `forms` are spellings of one number, the likeliest first, or one other address. A number that the account does not know is
// looked up.
async function personOf(forms) {
  const people = forms.map(personAt);
  if (!people[0].pn && !people[0].lid) throw new Failure("invalid", "That is no person.");
  const known = people.find((person) => modelsOf(person).length || isMine(person)) ?? people.find((_, n) => knownChat(forms[n]));
  if (known) return known;
  if (!people[0].pn) throw new Failure("not_found", "This account does not know that LID.");
  for (const form of forms) {
    const found = await lookedUp(form);
    if (found) return found;
  }
  throw new Failure("not_on_whatsapp", "");
}

// A person's words about itself; null where WhatsApp does not show them.
async function aboutOf({ pn, lid }) {
  const found = (async () => store("StatusStore")?.find(WPP.util.createWid(pn ?? lid)))().catch(() => undefined);
  const status = await Promise.race([found, pause(ABOUT_MS)]);
  return text(read(status ?? {}, "status")) ?? null;
}
