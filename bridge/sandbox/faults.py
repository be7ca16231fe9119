"""Faults of the real service: blocked devices, forced reloads, packets that are late or unreadable.

Pure. `page_socket.py` decides what an open page receives of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.contract.jid import Jid
from bridge.sandbox.changes import AckRaised, BlockChanged, Decrypted, Outdated, Reloaded, Replaced, Touched
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.records import BlockReason, ServiceMessage

if TYPE_CHECKING:
    from bridge.sandbox.world import World


class SandboxFaults:
    def __init__(self, world: World) -> None:
        self._world = world

    def block(self, kind: BlockReason | None) -> None:
        """Block the linked devices from the service for this reason; None ends the block."""
        if kind is not self._world.state.trouble:
            self._world.state.trouble = kind
            self._world.notify(BlockChanged(kind))

    def replace(self) -> None:
        """Open WhatsApp Web elsewhere with the login of the open pages. The next page that loads replaces that one."""
        self._world.notify(Replaced())

    def outdate(self) -> None:
        """Announce a newer version to the open pages."""
        self._world.notify(Outdated())

    def reload(self) -> None:
        """Reload the open pages."""
        self._world.notify(Reloaded())

    def decrypt(self, message_id: str, body: str, kind: str = "chat") -> ServiceMessage:
        """Decrypt a message. Raises `EntryNotFound`."""
        message = self._message(message_id)
        message.body, message.type = body, kind
        self._world.notify(Decrypted(message))
        return message

    def stray_ack(self, message_id: str, ack: int) -> None:
        """Send an ack packet that is late, duplicated or an error (negative), unchanged. Raises `EntryNotFound`.

        Only an error is stored; a late ack changes no state.
        """
        message = self._message(message_id)
        if ack < 0:
            message.ack = ack
        conversation = self._world.state.chats[message.chat]
        who = None if ack < 2 else (conversation.participants[0] if conversation.is_group else conversation.id)
        self._world.notify(AckRaised(message, ack, who))

    def move_chat(self, before: str, after: str) -> None:
        """Give a chat its other address, as when WhatsApp moves it to the LID; pages see it at their next load.

        Raises `EntryNotFound`, or `ValueError` if the new address is in use.
        """
        state = self._world.state
        conversation = state.chats.get(before)
        if conversation is None:
            raise EntryNotFound(f"There is no chat {before}.")
        if after in state.chats:
            raise ValueError(f"There is a chat {after} already.")
        Jid.parse(after)
        keys = {}
        for position in self._world.positions(before):
            message = state.messages[position]
            old, message.chat = message.key, after
            keys[old] = message.key
        state.chats = {after if name == before else name: chat for name, chat in state.chats.items()}
        conversation.id = after
        for device in state.devices.values():
            device.acks = {keys.get(key, key): ack for key, ack in device.acks.items()}
        self._world.move_messages(before, after)
        self._world.notify(Touched())

    def _message(self, message_id: str) -> ServiceMessage:
        message = self._world.message(message_id)
        if message is None:
            raise EntryNotFound(f"There is no message {message_id}.")
        return message
