// New members. A person who cannot be added is invited by the group's link, where this account may read it.

answerers["groups.add"] = async ({ group, people: lists }, given) => {
  const { chat, id, meta } = await openAdministered(group, ({ memberAddMode }) => memberAddMode === "all_member_add");
  const known = byAddress(meta.participants.getModelsArray());
  const found = await findPeople(lists, given.people, (forms, to) => {
    const member = !forms.some(isMyAddress) && forms.map((form) => known.get(form)).find(Boolean);
    return member && outcome(to, address(member.id), "done", { text: "The person was in the group already." });
  });
  if (!found.distinct.length) return { people: found.results };
  const answer = await asked(page().sendAddParticipants(chat.id, found.distinct.map(participantOf)));
  return { people: await addedOutcomes(id, found.results, found.people, spread(found, answer.participants)) };
};
