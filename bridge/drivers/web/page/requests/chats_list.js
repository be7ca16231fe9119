// The list of chats, from memory: the page has all of them.

const newestFirst = (one, other) => (read(other, "t") ?? 0) - (read(one, "t") ?? 0);

function matches(chat, wanted) {
  const { pn } = aliases(address(chat.id));
  return [read(chat, "formattedTitle"), read(chat, "name"), address(chat.id), pn].some((one) => text(one)?.toLowerCase().includes(wanted));
}

answerers["chats.list"] = ({ after, limit, search }) => {
  const wanted = search?.toLowerCase();
  const chats = WPP.whatsapp.ChatStore.getModelsArray()
    .filter((chat) => address(chat.id) && !["newsletter", "broadcast"].includes(chat.id.server))
    .filter((chat) => !wanted || matches(chat, wanted))
    .sort(newestFirst);
  const first = after ? chats.findIndex((chat) => address(chat.id) === after) + 1 : 0;
  const page = chats.slice(first, first + limit);
  return { chats: page.map(chatEntry), next: first + limit < chats.length ? address(page.at(-1).id) : null };
};
