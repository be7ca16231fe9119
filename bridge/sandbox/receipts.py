"""Acks of own messages, by the server and by each recipient, set manually or after a delay.

Pure. Scheduled acks are part of the state, so that a restart of the sandbox loses none.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.sandbox.changes import AckRaised, Listener, Touched
from bridge.sandbox.records import DueAck, ServiceMessage, State, is_own_chat


class Receipts:
    def __init__(self, state: State, now: Callable[[], float], notify: Listener) -> None:
        self._state = state
        self._now = now
        self._notify = notify

    def give(self, message: ServiceMessage, ack: int, participant: str | None = None) -> None:
        """Raise the ack: 1 by the server, 2 to 4 by one recipient or, without `participant`, by all. It never falls.

        Raises `ValueError` if the message is not an own one, or the participant is not a recipient.
        """
        if not message.from_me:
            raise ValueError(f"{message.id} is not an own message.")
        if ack < 2:
            if message.ack < ack:
                message.ack = ack
                self._notify(AckRaised(message, ack, None))
            return
        conversation = self._state.chats[message.chat]
        recipients = conversation.participants if conversation.is_group else [conversation.id]
        if participant is not None and participant not in recipients:
            raise ValueError(f"{participant} is not a recipient of {message.id}.")
        for person in recipients if participant is None else [participant]:
            if message.receipts.get(person, 0) < ack:
                message.receipts[person] = ack
                # In a group a message is read when all recipients have read it.
                message.ack = max(message.ack, min(message.receipts.get(p, 0) for p in recipients))
                self._notify(AckRaised(message, ack, person))

    def schedule(self, message: ServiceMessage, *, server: bool) -> None:
        """Schedule the acks according to the settings; `server` = including the server's ack."""
        policy = self._state.settings.receipts
        if is_own_chat(message.chat):  # read at once, see `DeviceDatabase.take_ack`
            policy = policy.model_copy(update={"device_ms": None, "read_ms": None})
        steps = [(policy.server_ms, 1)] if server else []
        steps += [(policy.device_ms, 2), (policy.read_ms, 3)]
        now = self._now()
        for delay, ack in steps:
            if delay is not None:
                self._state.due.append(DueAck(at=now + delay / 1000, key=message.key, ack=ack))
        self._notify(Touched())

    def forget(self, key: str) -> None:
        """Give no more acks for a message: it was revoked."""
        self._state.due[:] = [due for due in self._state.due if due.key != key]

    def next_due(self) -> float | None:
        """When the next ack is due; unix seconds."""
        return min((due.at for due in self._state.due), default=None)

    def take_due(self) -> list[DueAck]:
        """Remove and return the acks that are due, oldest first."""
        now = self._now()
        ready = [due for due in self._state.due if due.at <= now]
        self._state.due[:] = [due for due in self._state.due if due.at > now]
        return sorted(ready, key=lambda due: due.at)
