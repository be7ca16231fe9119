// Presence of a person, for a time. WhatsApp has no end of a subscription: what comes later is not announced.

answerers["contacts.subscribe"] = async ({ contact, seconds }) => {
  const { pn, lid } = await personOf(contact);
  if (isMine({ pn, lid })) throw new Failure("invalid", "The account cannot follow itself.");
  const forms = [pn, lid].filter(Boolean);
  endFollowing(forms);
  if (!seconds) return;
  follow(forms, seconds);
  const id = address(knownChat(forms[0])?.id) ?? forms[0]; // the chat has the token that shows it
  const taken = await WPP.contact.subscribePresence(id); // swallows every error
  if (taken.length) return;
  endFollowing(forms);
  throw new Failure("refused", "WhatsApp Web cannot follow this person.");
};
