// One person: what the page has in memory, and the about text, which it asks of the service.

answerers["contacts.get"] = async ({ contact }) => {
  const person = await personOf(contact);
  const chat = knownChat(person.pn ?? person.lid);
  const entry = contactEntry(person);
  return {
    ...entry,
    business: entry.business || Boolean(person.business),
    person: { kind: "person", pn: person.pn, lid: person.lid },
    me: isMine(person),
    chat: chat ? address(chat.id) : null,
    verified_name: modelsOf(person).map((model) => text(read(model, "verifiedName"))).find(Boolean) ?? null,
    about: await aboutOf(person),
  };
};
