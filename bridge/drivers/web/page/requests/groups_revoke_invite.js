// A new link in place of the old one.

answerers["groups.revoke_invite"] = async ({ group }) => {
  const { chat, id } = await openAdministered(group);
  return { group: id, link: LINK + (await asked(page().sendRevokeGroupInviteCode(chat.id))) };
};
