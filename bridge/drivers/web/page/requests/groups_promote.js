// New admins.

answerers["groups.promote"] = (args, given) =>
  changeMembers("sendPromoteParticipants", args, given, (member, to, id) => {
    if (isMyAddress(id)) return failed(to, id, YOURSELF);
    return member.isAdmin && outcome(to, id, "done", { text: "The person was an admin already." });
  });
