// The block list. A migrated account blocks LIDs, another one takes a LID for its number; a number alone may find no chat.

async function setBlocked(forms, wanted) {
  const person = await personOf(forms);
  if (isMine(person)) throw new Failure("invalid", "The account cannot block itself.");
  const isDone = () => Boolean(isBlocked(person)) === wanted;
  if (isDone()) return;
  const id = wanted ? person.lid ?? person.pn : [person.lid, person.pn].find((form) => form && isBlocked({ pn: form }));
  const call = wanted ? WPP.blocklist.blockContact(id) : WPP.blocklist.unblockContact(id);
  await call.catch((error) => {
    if (typeof error === "string") throw new Failure("refused", "WhatsApp Web blocks this number only once there is a chat with it.");
    throw refusedBy(error);
  });
  await confirmed(isDone, wanted ? "the person as blocked" : "the person as unblocked");
}
