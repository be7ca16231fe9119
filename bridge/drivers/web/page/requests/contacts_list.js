// The contacts, from memory: by name in the order of the browser's language, those without one last. A page is the entries
// that come first after where the one before ended, so that no list of all of them is made, however many there are.

const namesInOrder = new Intl.Collator(undefined, { numeric: true });
const isPerson = (id) => id?.server === "c.us" || id?.server === "lid";

// Each person once: at the number where it is known.
function personIn({ id }) {
  return id.server === "lid" ? { pn: aliases(address(id)).pn, lid: address(id) } : aliases(address(id));
}

function placeOf(person) {
  const models = modelsOf(person);
  const name = firstOf(models, "name") ?? firstOf(models, "pushname") ?? "";
  return { contact: person.pn ?? person.lid, name: name.toWellFormed() };
}

function byName(one, other) {
  if (!one.name !== !other.name) return one.name ? -1 : 1;
  return namesInOrder.compare(one.name, other.name) || (one.contact < other.contact ? -1 : Number(one.contact > other.contact));
}

// `next`: the place of the page's last entry. It is text that survives the way to the caller and back.
const written = ({ contact, name }) => `${contact} ${encodeURIComponent(name)}`;
function readPlace(after) {
  const [contact, name = ""] = after.split(" ");
  try {
    return { contact, name: decodeURIComponent(name) };
  } catch {
    throw new Failure("invalid", "after is no next of this list.");
  }
}

const contains = (entry, wanted) =>
  [entry.name, entry.pushname, entry.from_pn].some((one) => one?.toLowerCase().includes(wanted));

// Puts an entry where it belongs among `first`, those that come first so far, in order. One at its place is the same person.
function insert(first, entry, place) {
  let [low, high] = [0, first.length];
  while (low < high) {
    const middle = (low + high) >> 1, side = byName(place, first[middle].place);
    if (side === 0) return;
    if (side < 0) high = middle;
    else low = middle + 1;
  }
  first.splice(low, 0, { entry, place });
}

answerers["contacts.list"] = ({ after, limit, search, saved, blocked }) => {
  const wanted = search?.toLowerCase(), begin = after === undefined ? null : readPlace(after);
  const first = []; // one more than the page, which shows that there is a next one
  for (const model of store(blocked ? "BlocklistStore" : "ContactStore").getModelsArray()) {
    if (!isPerson(model.id)) continue;
    const person = personIn(model), place = placeOf(person);
    if (begin && byName(place, begin) <= 0) continue;
    if (first.length > limit && byName(place, first.at(-1).place) >= 0) continue;
    if (isMine(person)) continue; // the rest costs more, so it is asked of those only that would be on the page
    const entry = contactEntry(person);
    if (wanted && !contains(entry, wanted)) continue;
    if ((saved !== undefined && entry.saved !== saved) || (blocked !== undefined && entry.blocked !== blocked)) continue;
    insert(first, entry, place);
    if (first.length > limit + 1) first.pop();
  }
  const page = first.slice(0, limit);
  return { contacts: page.map(({ entry }) => entry), next: first.length > limit ? written(page.at(-1).place) : null };
};
