"""What goes wrong on the real service: a line taken away, a page told to load again, packets late or unreadable.

Pure, as the world it acts on. What an open page hears of it is `page_socket.py`'s to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.contract.jid import Jid
from bridge.sandbox.changes import AckRaised, Decrypted, Outdated, Reloaded, Touched, TroubleChanged
from bridge.sandbox.contacts import Unknown
from bridge.sandbox.records import ServiceMessage, Trouble

if TYPE_CHECKING:
    from bridge.sandbox.world import World


class SandboxFaults:
    """The faults of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def trouble(self, kind: Trouble | None) -> None:
        """Keep the linked devices off their line for this reason, or (null) let them on again."""
        if kind is not self._world.state.trouble:
            self._world.state.trouble = kind
            self._world.tell(TroubleChanged(kind))

    def take_over(self) -> None:
        """A page claims the line from wherever WhatsApp Web is open; only a conflict ends by that."""
        if self._world.state.trouble is Trouble.CONFLICT:
            self.trouble(None)

    def outdate(self) -> None:
        """Tell the open pages that a newer version is out."""
        self._world.tell(Outdated())

    def reload(self) -> None:
        """Make the open pages load again."""
        self._world.tell(Reloaded())

    def decrypt(self, message_id: str, body: str, kind: str = "chat") -> ServiceMessage:
        """An undecrypted message becomes readable. Raises `Unknown`."""
        message = self._message(message_id)
        message.body, message.type = body, kind
        self._world.tell(Decrypted(message))
        return message

    def stray_ack(self, message_id: str, ack: int) -> None:
        """An ack packet that is late, doubled or an error (negative): told as it is. Raises `Unknown`.

        Only an error is remembered; a late one changes nothing that is known.
        """
        message = self._message(message_id)
        if ack < 0:
            message.ack = ack
        room = self._world.state.chats[message.chat]
        who = None if ack < 2 else (room.participants[0] if room.is_group else room.id)
        self._world.tell(AckRaised(message, ack, who))

    def move_chat(self, before: str, after: str) -> None:
        """A chat gets its other address, as when WhatsApp moves it to the LID; pages find it so at their next load.

        Raises `Unknown`, or `ValueError` if the new address is taken.
        """
        state = self._world.state
        room = state.chats.get(before)
        if room is None:
            raise Unknown(f"There is no chat {before}.")
        if after in state.chats:
            raise ValueError(f"There is a chat {after} already.")
        Jid.parse(after)
        keys = {}
        for position in self._world.positions(before):
            message = state.messages[position]
            old, message.chat = message.key, after
            keys[old] = message.key
        state.chats = {after if name == before else name: chat for name, chat in state.chats.items()}
        room.id = after
        for device in state.devices.values():
            device.acks = {keys.get(key, key): ack for key, ack in device.acks.items()}
        self._world.rename(before, after)
        self._world.tell(Touched())

    def _message(self, message_id: str) -> ServiceMessage:
        message = self._world.message(message_id)
        if message is None:
            raise Unknown(f"There is no message {message_id}.")
        return message
