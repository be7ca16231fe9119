// Members who are removed.

answerers["groups.remove"] = (args, given) =>
  changeMembers("sendRemoveParticipants", args, given, (member, to, id) =>
    isMyAddress(id) && failed(to, id, ["invalid", "That is this account itself: groups.leave leaves the group."]));
