"""How far own messages got: acks by the server and by each recipient, given by hand or coming by themselves.

Pure. What is due is kept in the state, so that a restart of the sandbox loses no tick.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.sandbox.changes import AckRaised, Tell, Touched
from bridge.sandbox.records import Due, ServiceMessage, State


class Receipts:
    """The acks of a world."""

    def __init__(self, state: State, now: Callable[[], float], tell: Tell) -> None:
        self._state = state
        self._now = now
        self._tell = tell

    def give(self, message: ServiceMessage, ack: int, participant: str | None = None) -> None:
        """An ack: 1 by the server, 2 to 4 by a recipient (every one, unless one is named). Acks only rise.

        Raises `ValueError` if the message is not an own one, or nobody of that name received it.
        """
        if not message.from_me:
            raise ValueError(f"{message.id} is not an own message.")
        if ack < 2:
            if message.ack < ack:
                message.ack = ack
                self._tell(AckRaised(message, ack, None))
            return
        room = self._state.chats[message.chat]
        recipients = room.participants if room.is_group else [room.id]
        if participant is not None and participant not in recipients:
            raise ValueError(f"{participant} is not a recipient of {message.id}.")
        for person in recipients if participant is None else [participant]:
            if message.receipts.get(person, 0) < ack:
                message.receipts[person] = ack
                # In a group a message is read when everybody has read it.
                message.ack = max(message.ack, min(message.receipts.get(p, 0) for p in recipients))
                self._tell(AckRaised(message, ack, person))

    def schedule(self, message: ServiceMessage, *, server: bool) -> None:
        """Let acks come by themselves as the settings say; `server` if the server's is still to come."""
        policy = self._state.settings.receipts
        steps = [(policy.server_ms, 1)] if server else []
        steps += [(policy.device_ms, 2), (policy.read_ms, 3)]
        now = self._now()
        for delay, ack in steps:
            if delay is not None:
                self._state.due.append(Due(at=now + delay / 1000, key=message.key, ack=ack))
        self._tell(Touched())

    def next_due(self) -> float | None:
        """When the next one comes; unix seconds."""
        return min((due.at for due in self._state.due), default=None)

    def take_due(self) -> list[Due]:
        """Those whose time has come, taken off the list, oldest first."""
        now = self._now()
        ready = [due for due in self._state.due if due.at <= now]
        self._state.due[:] = [due for due in self._state.due if due.at > now]
        return sorted(ready, key=lambda due: due.at)
