// The groups of the account, from memory. What the page has not read of a group yet is null.

answerers["groups.list"] = ({ after, limit, search }) => {
  const wanted = search?.toLowerCase();
  const groups = WPP.whatsapp.ChatStore.getModelsArray()
    .filter((chat) => chat.id?.server === "g.us")
    .filter((chat) => !wanted || entryOf(chat).subject?.toLowerCase().includes(wanted))
    .sort((one, other) => (read(other, "t") ?? 0) - (read(one, "t") ?? 0));
  const first = after ? groups.findIndex((chat) => address(chat.id) === after) + 1 : 0;
  const found = groups.slice(first, first + limit);
  return { groups: found.map(entryOf), next: first + limit < groups.length ? address(found.at(-1).id) : null };
};
