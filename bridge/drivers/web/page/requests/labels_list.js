// The labels of a business account.

const colorOf = (label) => text(attempt(() => WPP.whatsapp.functions.colorIndexToHex(read(label, "colorIndex")))) ?? null;

answerers["labels.list"] = () => ({
  labels: labelModels().map((label) => ({
    label: String(label.id),
    name: read(label, "name") ?? "",
    color: colorOf(label),
    chats: chatsWith(label),
  })),
});
