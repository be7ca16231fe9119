"""The directory: people, groups and their chats, under all their addresses.

Pure. A person is known by number, by hidden id (LID) or by both. A chat has exactly one address and is found under
either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bridge.contract.jid import Jid
from bridge.sandbox.changes import ChatChanged, ContactChanged, Listener
from bridge.sandbox.group_records import Group
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, Chat, Contact, State


class EntryNotFound(LookupError):
    """There is no such contact, group, chat or message."""


class LookupFailed(RuntimeError):
    """The service answered a number lookup with an error; `status` is its code, where it has one."""

    def __init__(self, address: str, status: int | None = None) -> None:
        super().__init__(f"The service could not look up {address}.")
        self.status = status


class ContactDirectory:
    def __init__(self, state: State, now: Callable[[], float], notify: Listener) -> None:
        self._state = state
        self._now = now
        self._notify = notify
        #: The numbers that pages looked up at the service.
        self.looked_up: list[str] = []

    @property
    def contacts(self) -> list[Contact]:
        """All contacts, saved or not."""
        return self._state.contacts

    @property
    def chats(self) -> dict[str, Chat]:
        return self._state.chats

    def contact(self, address: str) -> Contact | None:
        """The person with this number or LID."""
        return next((c for c in self._state.contacts if address in (c.pn, c.lid)), None)

    def name(self, address: str) -> str:
        """The display name of this address on the phone."""
        if address in (ACCOUNT, ACCOUNT_LID):
            return "You"
        contact = self.contact(address)
        return contact.name if contact else Jid.parse(address).user

    def add_contact(self, contact: Contact) -> Contact:
        """Add a person, or replace the one with the same number or LID."""
        if not contact.pn and not contact.lid:
            raise ValueError("A contact needs a number (pn), a LID (lid) or both.")
        known = [c for c in self._state.contacts if _same(c, contact)]
        self._state.contacts[:] = [c for c in self._state.contacts if c not in known] + [contact]
        self._notify(ContactChanged(contact))
        return contact

    def chat(self, address: str) -> Chat | None:
        """The chat with this address, or with the same person's other address."""
        if found := self._state.chats.get(address):
            return found
        contact = self.contact(address)
        other = (contact.pn, contact.lid) if contact else ()
        return next((self._state.chats[a] for a in other if a in self._state.chats), None)

    def open_chat(self, address: str) -> Chat:
        """The chat with a person, created if necessary. Raises `EntryNotFound` for a group that does not exist."""
        if found := self.chat(address):
            return found
        if Jid.parse(address).is_group:
            raise EntryNotFound(f"There is no group {address}.")
        contact = self.contact(address)
        if contact and contact.lid and self._state.settings.lid_migrated:
            return self._add_chat(contact.lid, contact.name, [])
        return self._add_chat(contact.address if contact else address, self.name(address), [])

    def add_group(self, address: str, name: str, participants: Iterable[str], group: Group | None = None) -> Chat:
        """Add a group of the account and these people (each by any address); the first of them owns it."""
        if not Jid.parse(address).is_group:
            raise ValueError(f"{address} is not a group's address.")
        members = list(dict.fromkeys(participants))
        for member in members:
            if self.contact(member) is None:
                raise EntryNotFound(f"There is no contact {member}.")
        owner = members[:1]
        group = group or Group(owner=owner[0] if owner else None, admins=owner, invite=Jid.parse(address).user)
        return self._add_chat(address, name, members, group)

    def look_up(self, address: str) -> Contact | None:
        """Look up a number at the service: the person, or None if it is not on WhatsApp. Raises `LookupFailed`."""
        self.looked_up.append(address)
        if address in (ACCOUNT, ACCOUNT_LID):
            return Contact(pn=ACCOUNT, lid=ACCOUNT_LID, name=self.name(address))
        if (code := self._state.settings.lookup_code) is not None:
            raise LookupFailed(address, code)
        contact = self.contact(address)
        if contact and contact.lookup_fails:
            raise LookupFailed(address)
        return contact if contact and contact.exists else None

    def read(self, chat: Chat, position: int) -> None:
        """Mark the chat as read up to this position."""
        if position > chat.read_to or chat.marked_unread:
            chat.read_to, chat.marked_unread = max(position, chat.read_to), False
            self._notify(ChatChanged(chat))

    def _add_chat(self, address: str, name: str, participants: list[str], group: Group | None = None) -> Chat:
        chat = Chat(id=address, name=name, participants=participants, created=int(self._now()), group=group)
        self._state.chats[address] = chat
        self._notify(ChatChanged(chat))
        return chat


def _same(one: Contact, other: Contact) -> bool:
    return bool((one.pn and one.pn == other.pn) or (one.lid and one.lid == other.lid))


def seed(directory: ContactDirectory) -> None:
    """Add a new sandbox's contacts: one with a number, one with both addresses, two by LID, and a group."""
    ana = Contact(pn="5491155500001@c.us", name="Ana")
    bruno = Contact(pn="5491155500002@c.us", lid="188000000000002@lid", name="Bruno")
    carla = Contact(pn="5491155500003@c.us", lid="188000000000003@lid", name="Carla", by_lid=True)
    dario = Contact(lid="188000000000004@lid", name="Darío")
    for person in (ana, bruno, carla, dario):
        directory.add_contact(person)
        directory.open_chat(person.address)
    directory.add_contact(Contact(pn="5491155500005@c.us", name="Elena", saved=False))
    directory.add_contact(Contact(pn="5491155500008@c.us", name="Broken look-up", saved=False, lookup_fails=True))
    directory.add_contact(Contact(pn="5491155500009@c.us", name="No WhatsApp", saved=False, exists=False))
    directory.add_group(
        "120363000000000001@g.us",
        "Vecinos",
        ["5491155500001@c.us", "188000000000002@lid", "188000000000004@lid"],
    )
