// The link of a group.

answerers["groups.invite"] = async ({ group }) => {
  const { chat, id } = await openAdministered(group);
  return { group: id, link: LINK + (await asked(page().sendQueryGroupInviteCode(chat.id))) };
};
