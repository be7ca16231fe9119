"""What is done to the account besides messages, on its phone or by a linked device: marks of chats, blocking, profile,
labels; and what contacts do besides messages: calls, presence. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bridge.contract.jid import Jid
from bridge.sandbox.changes import (
    CallChanged,
    ChatChanged,
    ContactChanged,
    PresenceChanged,
    ProfileChanged,
)
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.group_records import Group, GroupSettings
from bridge.sandbox.groups import GroupRefused
from bridge.sandbox.phone_calls import CallOutcome, PhoneCall
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, Chat, Contact, OwnProfile

if TYPE_CHECKING:
    from bridge.sandbox.world import World

#: Chats that the service lets be pinned, and its answer to one more.
PIN_LIMIT, PIN_REFUSED = 3, 405
#: The service's answer where there is no picture, or it is hidden.
NO_PICTURE = 404


class ServiceRefused(RuntimeError):
    """The service answered a device's request with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class AccountActs:
    """`new_id` makes ids of calls."""

    def __init__(self, world: World, new_id: Callable[[], str]) -> None:
        self._world = world
        self._new_id = new_id
        #: Calls that ring, by id.
        self.calls: dict[str, PhoneCall] = {}

    def mark(self, address: str, **marks: Any) -> Chat:
        """Change marks of a chat: the fields of `Chat`. Raises `EntryNotFound`, `ServiceRefused` for a pin too many."""
        chat = self._world.directory.chat(address)
        if chat is None:
            raise EntryNotFound(f"There is no chat {address}.")
        pinned = sum(1 for one in self._world.directory.chats.values() if one.pinned_ms and one is not chat)
        if marks.get("pinned_ms") and pinned >= PIN_LIMIT:
            raise ServiceRefused(PIN_REFUSED)
        if marks.get("archived"):
            marks["pinned_ms"] = 0
        for name, value in marks.items():
            setattr(chat, name, value)
        self._world.notify(ChatChanged(chat))
        return chat

    def label(self, addresses: Sequence[str], changes: Sequence[tuple[str, bool]]) -> None:
        """Give labels to chats, or take them away: (id, whether it is given)."""
        for address in addresses:
            chat = self._world.directory.open_chat(address)
            taken = {one for one, given in changes if not given}
            added = [one for one, given in changes if given and one not in chat.labels]
            self.mark(address, labels=[one for one in chat.labels if one not in taken] + added)

    def block(self, address: str, *, blocked: bool) -> Contact:
        """Block or unblock a person. Raises `EntryNotFound`."""
        contact = self._contact(address)
        contact.blocked = blocked
        self._world.notify(ContactChanged(contact))
        return contact

    def set_profile(self, **fields: str) -> None:
        """Change the account's own name or about text."""
        self._world.state.profile = self._world.state.profile.model_copy(update=fields)
        self._world.notify(ProfileChanged())

    def about(self, address: str) -> str | None:
        """A person's words about itself, None where it hides them."""
        contact = self._world.directory.contact(address)
        return contact.about if contact else None

    def picture(self, address: str) -> str:
        """The path of the picture of a person, a group or the account. Raises `ServiceRefused` where none is shown."""
        pictured: Contact | Group | OwnProfile | None
        if address in (ACCOUNT, ACCOUNT_LID):
            pictured = self._world.state.profile
        else:
            chat = self._world.directory.chats.get(address)
            pictured = chat.group if chat and chat.group else self._world.directory.contact(address)
        if pictured is None or pictured.picture is None:
            raise ServiceRefused(NO_PICTURE)
        return pictured.picture

    def set_picture(self, address: str, path: str | None) -> None:
        """A contact, a group by the account, or the account itself changes its picture.

        Raises `EntryNotFound`; `ServiceRefused` where the account may not change the group's.
        """
        if address in (ACCOUNT, ACCOUNT_LID):
            self._world.state.profile.picture = path
        elif Jid.parse(address).is_group:
            groups = self._world.groups
            try:
                groups.change(address, GroupSettings(picture=path is not None))
            except GroupRefused as refused:
                raise ServiceRefused(refused.code) from refused
            groups.group(address)[1].picture = path
        else:
            self._contact(address).picture = path
            self._world.notify(ContactChanged(self._contact(address)))

    def be(self, address: str, type: str) -> None:  # noqa: A002 - WhatsApp's name
        """A contact is `available`, `unavailable`, `typing`, or `recording_audio`. Raises `EntryNotFound`."""
        seen = int(self._world.now()) if type == "unavailable" else None
        self._world.notify(PresenceChanged(self._contact(address), type, seen))

    def call(self, address: str, *, video: bool = False) -> PhoneCall:
        """A contact calls. One whom the account has blocked calls in vain. Raises `EntryNotFound`."""
        contact = self._contact(address)
        call = PhoneCall(self._new_id(), contact.address, video, int(self._world.now()))
        if not contact.blocked:
            self.calls[call.id] = call
            self._world.notify(CallChanged(call))
        return call

    def end(self, call_id: str, outcome: CallOutcome) -> None:
        """A call that rings is over. Raises `EntryNotFound`."""
        call = self.calls.pop(call_id, None)
        if call is None:
            raise EntryNotFound(f"No call {call_id} rings.")
        self._world.notify(CallChanged(call, outcome))

    def _contact(self, address: str) -> Contact:
        contact = self._world.directory.contact(address)
        if contact is None:
            raise EntryNotFound(f"There is no contact {Jid.parse(address).user}.")
        return contact
