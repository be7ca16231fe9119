"use strict";
// Which messages a `wa in` node passes on. All fields that are filled in must match.

const number = (address) => /^\d+/.exec(String(address ?? ""))?.[0];
const digits = (text) => text.replace(/[\s()+.-]/g, "");
const list = (text) => String(text ?? "").split(",").map((part) => part.trim()).filter(Boolean);

/** Whether `wanted`, a number in any spelling or an address, names one of the addresses. */
function names(wanted, addresses) {
  if (addresses.includes(wanted)) return true;
  const digitsOnly = digits(wanted);
  return /^\d{6,}$/.test(digitsOnly) && addresses.some((address) => number(address) === digitsOnly);
}

/** A function that says whether a message passes. Throws where the regular expression is not valid. */
function filter({ kind, chat, person, text }) {
  const kinds = list(kind);
  const chats = list(chat);
  const people = list(person);
  const pattern = /^\/(.*)\/([a-z]*)$/s.exec(text ?? "");
  const expression = pattern && new RegExp(pattern[1], pattern[2].replace(/[gy]/g, ""));
  const part = String(text ?? "").toLowerCase();

  return (message) => {
    const { body = "", from_pn: pn, from_lid: lid, author } = message;
    if (kinds.length && !kinds.includes(message.kind)) return false;
    // In a chat of two, the chat is the person, whichever of its addresses WhatsApp used.
    const ofChat = author === message.chat ? [message.chat, pn, lid] : [message.chat];
    if (chats.length && !chats.some((one) => names(one, ofChat))) return false;
    const ofPerson = [message.person, author, pn, lid];
    if (people.length && !people.some((one) => names(one, ofPerson))) return false;
    return expression ? expression.test(body) : body.toLowerCase().includes(part);
  };
}

module.exports = { filter };
