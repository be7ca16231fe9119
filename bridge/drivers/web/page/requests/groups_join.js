// Joining by a link. The page needs to know whether an admin has to approve.

const DEAD = [400, 404, 406, 410];

answerers["groups.join"] = async ({ invite }) => {
  const { groupInfo } = await asked(page().sendQueryGroupInvite(invite)).catch((error) => {
    if (error.code === "no_group" || /\((4\d\d)\)/.test(error.message) && DEAD.includes(Number(RegExp.$1))) {
      throw new Failure("no_group", "This link is not valid (any more): no group has it.");
    }
    throw error.isInDoubt ? new Failure("lookup_failed", error.message) : error; // nothing was changed yet
  });
  const group = address(groupInfo.id);
  const chat = attempt(() => WPP.chat.get(group));
  if (chat && isMemberOf(chat.groupMetadata)) return { group, pending: false };
  const approval = groupInfo.membershipApprovalMode === true;
  try {
    await page().joinGroupViaInvite(invite, approval);
    return { group, pending: approval };
  } catch (error) {
    // the group changed it meanwhile
    if (error?.name === "UnexpectedJoinGroupViaInviteResponse") return { group, pending: error.membershipApprovalMode === true };
    throw groupRefusal(error);
  }
};
