// What can be changed of a group. Each is a call of its own; one that fails does not undo the others.

const setters = {
  subject: ({ id }, value) => WPP.group.setSubject(id, value),
  async description({ chat, meta }, value) {
    const tag = await page().randomMessageId();
    await page().sendSetGroupDescription(chat.id, value || undefined, tag, meta.descId);
    Object.assign(meta, { descId: tag, desc: value || undefined });
  },
  announce: (group, value) => setProperty(group, "announcement", value ? 1 : 0),
  restrict: (group, value) => setProperty(group, "restrict", value ? 1 : 0),
  ephemeral: (group, value) => setProperty(group, "ephemeral", value),
  picture: ({ id }, file) => setPicture(() => WPP.group.setIcon(id, file)),
};

// The page's function resolves also where the service refuses.
async function setProperty({ chat }, name, value) {
  const answer = await page().sendSetGroupProperty(chat.id, name, value);
  if (!/Error$/.test(answer?.name ?? "")) return;
  const { errorSetPropertyClientErrors: refused, errorServerErrors: broken } = answer.value ?? {};
  throw Object.assign(new Error(answer.name), { status: Number((refused ?? broken)?.value?.code ?? 400) });
}

const SAID = ["not_allowed", "refused", "limit_reached"];
const NEEDS_ADMIN = ["announce", "restrict"];

// Changes the fields that have a value; returns {changed, failed, errors}.
async function changeGroup(opened, fields) {
  const [changed, errors] = [[], []];
  for (const [field, set] of Object.entries(setters)) {
    if (fields[field] === undefined) continue;
    try {
      if (!isAdminOf(opened.meta) && (NEEDS_ADMIN.includes(field) || opened.meta.restrict)) {
        throw new Failure("not_allowed", `Only an admin of the group can change ${field}.`);
      }
      await asked(set(opened, fields[field]));
      changed.push(field);
    } catch (error) {
      errors.push({ field, error });
    }
  }
  const failed = errors.map(({ field, error }) =>
    ({ field, code: error.isInDoubt ? "in_doubt" : SAID.includes(error.code) ? error.code : "internal", text: String(error.message) }));
  return { changed, failed, errors: errors.map(({ error }) => error) };
}
