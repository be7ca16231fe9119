// Contact cards. A base64 picture, with its continuation lines (RFC 6350, 3.2), is removed from the card.

const PHOTO = /^PHOTO[;:][^\n]*\n?(?:[ \t][^\n]*\n?)*/gim;
const card = (value) => text(value)?.replaceAll(PHOTO, "");
const escaped = (name) => name.replaceAll(/[\\;,]/g, "\\$&").replaceAll(/\s+/g, " ");

function vcardOf({ name, phone, vcard }) {
  if (vcard) return { vcard, displayName: /^FN[^:\n]*:(.*)$/im.exec(vcard)?.[1].trim() ?? "" };
  const digits = phone.replaceAll(/\D/g, "");
  const lines = ["BEGIN:VCARD", "VERSION:3.0", `N:;${escaped(name)};;;`, `FN:${escaped(name)}`];
  return { vcard: [...lines, `TEL;type=CELL;waid=${digits}:+${digits}`, "END:VCARD"].join("\n"), displayName: name };
}

senders.contacts = (chat, contacts, options) => {
  const cards = contacts.map(vcardOf);
  const [first] = cards;
  const message = cards.length === 1
    ? { type: "vcard", body: first.vcard, vcardFormattedName: first.displayName }
    : { type: "multi_vcard", vcardList: cards };
  return WPP.chat.sendRawMessage(chat, message, options);
};

readers.vcard = (msg) => {
  const only = card(read(msg, "body"));
  return { body: only, contacts: only ? [only] : undefined };
};

readers.multi_vcard = (msg) => {
  const cards = read(msg, "vcardList");
  const contacts = (Array.isArray(cards) ? cards : []).map((one) => card(read(one, "vcard"))).filter(Boolean);
  return { body: text(read(msg, "body")), contacts: contacts.length ? contacts : undefined };
};
