// Who asked to join. The page's store is brought up to date first, where the page can do that.

answerers["groups.requests"] = async ({ group }) => {
  const { chat, id } = await openAdministered(group);
  const query = attempt(() => window.require("WAWebGroupGetMembershipApprovalRequestsJob"))?.queryAndUpdateGroupMembershipApprovalRequests;
  if (query) await asked(query(chat.id));
  const found = await page().getMembershipApprovalRequests(chat.id);
  const requests = found.map(({ id: wid, t }) => {
    const person = address(wid);
    return { address: person, person: memberOf(person), name: nameOf(aliases(person)) ?? null, at: number(Number(t)) ?? null };
  });
  return { group: id, requests: requests.sort((one, other) => one.at - other.at) };
};
