// The end of blocking.

answerers["contacts.unblock"] = ({ contact }) => setBlocked(contact, false);
