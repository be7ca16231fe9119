// New groups. The page's job has `announce` and `restrict` the wrong way round: true leaves the group open.

answerers["groups.create"] = async ({ subject, people: lists, announce, restrict, ephemeral }, given) => {
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
  return { group, subject, people: await addedOutcomes(group, found.results, found.people, spread(found, made.participants)) };
};
