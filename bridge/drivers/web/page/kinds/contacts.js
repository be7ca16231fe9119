// Contact cards. A picture in base64, with the lines that continue it (RFC 6350, 3.2), never travels in a message.

const PHOTO = /^PHOTO[;:][^\n]*\n?(?:[ \t][^\n]*\n?)*/gim;
const card = (value) => text(value)?.replaceAll(PHOTO, "");

readers.vcard = (msg) => {
  const only = card(read(msg, "body"));
  return { body: only, contacts: only ? [only] : undefined };
};

readers.multi_vcard = (msg) => {
  const cards = read(msg, "vcardList");
  const contacts = (Array.isArray(cards) ? cards : []).map((one) => card(read(one, "vcard"))).filter(Boolean);
  return { body: text(read(msg, "body")), contacts: contacts.length ? contacts : undefined };
};
