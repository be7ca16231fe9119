// Admins who become members again.

answerers["groups.demote"] = (args, given) =>
  changeMembers("sendDemoteParticipants", args, given, (member, to, id) => {
    if (isMyAddress(id)) return failed(to, id, YOURSELF);
    if (member.isSuperAdmin) return failed(to, id, ["not_allowed", "The person made the group and stays an admin."]);
    return !member.isAdmin && outcome(to, id, "done", { text: "The person was no admin." });
  });
