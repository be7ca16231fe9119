// Leaving. The page shows a refusal on its screen only, and answers false.

answerers["groups.leave"] = async ({ group }) => {
  const opened = await openGroup(group);
  requireMember(opened);
  if ((await asked(page().sendExitGroup(opened.chat))) === false) throw new Failure("refused", "WhatsApp did not let this account leave.");
  return { group: opened.id };
};
