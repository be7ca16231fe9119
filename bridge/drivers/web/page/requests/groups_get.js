// One group with its members.

answerers["groups.get"] = async ({ group }) => {
  const { chat, meta } = await openGroup(group);
  const members = isMemberOf(meta) ? membersOf(chat) : [];
  return {
    ...entryOf(chat),
    description: text(read(meta, "desc")) ?? null,
    owner: address(read(meta, "owner")),
    created: number(read(meta, "creation")) ?? null,
    restrict: flag(read(meta, "restrict")) ?? null,
    ephemeral: number(read(meta, "ephemeralDuration")) ?? 0,
    approval: flag(read(meta, "membershipApprovalMode")) ?? null,
    children: [...(read(meta, "joinedSubgroups") ?? []), ...(read(meta, "unjoinedSubgroups") ?? [])].map(address),
    members: members.map((member) => {
      const id = address(member.id);
      return {
        address: id,
        person: memberOf(id),
        name: nameOf(aliases(id)) ?? null,
        admin: Boolean(read(member, "isAdmin")) || Boolean(read(member, "isSuperAdmin")),
        owner: Boolean(read(member, "isSuperAdmin")),
        me: isMyAddress(id),
      };
    }),
  };
};
