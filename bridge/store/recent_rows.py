"""The newest rows of the outbox, as they are on disk.

A send reads its row at each step and each tick. Ten reads were two thirds of its store accesses, and each is a hop to a
thread and back.
"""

from __future__ import annotations

from collections import OrderedDict

from bridge.contract.jid import MessageKey
from bridge.ports import OutboxRow

#: Rows, of at most 64 KiB text each; usually of a hundred bytes.
LIMIT = 500


class RecentRows:
    """Filled in the order of the commits, so that a row here is the row on disk."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, OutboxRow] = OrderedDict()  # command id -> row
        self._messages: dict[str, str] = {}  # WhatsApp's part of a message id -> command id
        self._named: dict[str, str] = {}  # and back

    def put(self, row: OutboxRow, message_id: str | None = None) -> None:
        """A row that is committed, with the id of the message that it sends, where this step has set it."""
        command_id = row.claim.id
        self._rows[command_id] = row
        self._rows.move_to_end(command_id)
        if message_id is not None:
            self._unname(command_id)
            self._named[command_id] = raw_id = MessageKey.parse(message_id).id
            self._messages[raw_id] = command_id
        while len(self._rows) > LIMIT:
            oldest, _ = self._rows.popitem(last=False)
            self._unname(oldest)

    def of_id(self, command_id: str) -> OutboxRow | None:
        """The row of a command; None if it has to be read."""
        return self._rows.get(command_id)

    def of_message(self, raw_id: str) -> OutboxRow | None:
        """The row that sends a message; None if it has to be read."""
        command_id = self._messages.get(raw_id)
        return None if command_id is None else self._rows.get(command_id)

    def clear(self) -> None:
        """Nothing is known any more."""
        self._rows.clear()
        self._messages.clear()
        self._named.clear()

    def _unname(self, command_id: str) -> None:
        if (raw_id := self._named.pop(command_id, None)) is not None:
            self._messages.pop(raw_id, None)
