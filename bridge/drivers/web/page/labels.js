// Labels of a WhatsApp Business account.

function labelModels() {
  if (!WPP.profile.isBusiness()) throw new Failure("unsupported", "Only WhatsApp Business accounts have labels.");
  return store("LabelStore").getModelsArray();
}

const chatsWith = (label) =>
  (read(label, "labelItemCollection")?.getModelsArray?.() ?? [])
    .filter((item) => read(item, "parentType") === "Chat")
    .map((item) => text(read(item, "parentId")))
    .filter(Boolean);
