// The labels of a chat. The call returns before it is done.

answerers["labels.set"] = async ({ chat, labels }) => {
  const models = labelModels();
  const known = existingChat(chat);
  const id = address(known.id);
  const wanted = new Set(labels.map((one) => {
    const found = models.find((label) => String(label.id) === one) ?? models.find((label) => read(label, "name") === one);
    if (!found) throw new Failure("not_found", `There is no label ${one}.`);
    return found;
  }));
  const has = (label) => chatsWith(label).includes(id);
  const changes = models
    .filter((label) => has(label) !== wanted.has(label))
    .map((label) => ({ labelId: String(label.id), type: wanted.has(label) ? "add" : "remove" }));
  if (!changes.length) return;
  await WPP.labels.addOrRemoveLabels(id, changes);
  await confirmed(() => models.every((label) => has(label) === wanted.has(label)), "the labels");
};
