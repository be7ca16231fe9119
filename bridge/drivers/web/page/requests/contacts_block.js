// Blocking.

answerers["contacts.block"] = ({ contact }) => setBlocked(contact, true);
