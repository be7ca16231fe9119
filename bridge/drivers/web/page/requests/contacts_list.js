// The contacts, from memory: in the order of their addresses, so that a page continues where the one before ended.

const isPerson = (id) => id?.server === "c.us" || id?.server === "lid";

// Each person once: at the number where it is known.
function addressesOf(models) {
  const found = new Set();
  for (const { id } of models) {
    if (isPerson(id)) found.add(id.server === "lid" ? aliases(address(id)).pn ?? address(id) : address(id));
  }
  return [...found].sort();
}

const contains = (entry, wanted) =>
  [entry.name, entry.pushname, entry.from_pn].some((one) => one?.toLowerCase().includes(wanted));

answerers["contacts.list"] = ({ after, limit, search, saved, blocked }) => {
  const wanted = search?.toLowerCase();
  const source = store(blocked ? "BlocklistStore" : "ContactStore").getModelsArray();
  const page = [];
  for (const form of addressesOf(source)) {
    if (after !== undefined && form <= after) continue;
    const person = aliases(form);
    if (isMine(person)) continue;
    const entry = contactEntry(person);
    if (wanted && !contains(entry, wanted)) continue;
    if ((saved !== undefined && entry.saved !== saved) || (blocked !== undefined && entry.blocked !== blocked)) continue;
    if (page.length === limit) return { contacts: page, next: page.at(-1).contact };
    page.push(entry);
  }
  return { contacts: page, next: null };
};
