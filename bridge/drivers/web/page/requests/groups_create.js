// New groups. The page's job has `announce` and `restrict` the wrong way round: true leaves the group open.

const SHOWN_MS = 5_000;

// The page may show the group a moment later than the service has made it.
async function changeNewGroup(group, fields) {
  const wanted = Object.keys(fields).filter((field) => fields[field] !== undefined);
  if (!wanted.length) return { failed: [] };
  const until = performance.now() + SHOWN_MS;
  while (!attempt(() => WPP.chat.get(group)) && performance.now() < until) await pause(50);
  return openGroup([group]).then((opened) => changeGroup(opened, fields)).catch((error) =>
    ({ failed: wanted.map((field) => ({ field, code: "internal", text: String(error.message) })) }));
}

answerers["groups.create"] = async ({ subject, people: lists, announce, restrict, ephemeral, ...later }, given) => {
  const picture = await takePicture(later.picture);
  const found = await findPeople(lists, given.people);
  if (!found.distinct.length) {
    const reasons = found.results.map(({ to, text: why }) => `${to}: ${why}`).join(" ");
    throw new Failure("no_person", `No group was made: none of the people can be added. ${reasons.slice(0, 500)}`);
  }
  const options = {
    title: subject,
    announce: !announce,
    restrict: !restrict,
    ephemeralDuration: ephemeral,
    membershipApprovalMode: false,
    memberAddMode: true,
  };
  const made = await asked(page().createGroup(options, found.distinct.map(participantOf)));
  const group = address(made.wid);
  const people = await addedOutcomes(group, found.results, found.people, spread(found, made.participants));
  const { failed } = await changeNewGroup(group, { description: later.description, picture });
  return { group, subject, people, failed };
};
