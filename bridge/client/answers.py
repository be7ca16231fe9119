"""Answers to commands: dispatched by command id, and merged into the progress of one command. No I/O.

Answers arrive on two topics: `reply` goes to the client that sent the command, `result` to every subscriber. The
difference matters where an id was used for two texts: only the reply says which of them is meant.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from bridge.broker import Delivery
from bridge.client.connection import RESUBSCRIBED, Inbox
from bridge.contract.controls import ControlResult
from bridge.contract.errors import Conflict
from bridge.contract.lifecycle import AckName
from bridge.contract.messages import Ack, Result, ResultStatus
from bridge.contract.session import SessionState
from bridge.contract.topics import Leaf, Topics

_log = logging.getLogger(__name__)

Until = Literal["accepted", "sent", "device", "read"]
Answer = Result | Ack | ControlResult
_TICKS = {"sent": 1, "device": 2, "read": 3}
_TICK_OF_ACK = {AckName.SERVER: 1, AckName.DEVICE: 2, AckName.READ: 3, AckName.PLAYED: 4}


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """An answer; `direct` = on this client's reply topic."""

    answer: Answer
    direct: bool


class AnswerStream:
    """A subscriber that dispatches the answers of one session to the calls that wait for their id."""

    def __init__(self, topics: Topics, session: str, reply_name: str) -> None:
        self.required = (topics.reply(session, reply_name),)
        self.optional = (topics.result(session), topics.ack(session), topics.status(session))
        self._is_up = False
        self._topics = topics
        self._waiting: dict[str, list[Inbox[ReceivedAnswer]]] = {}
        self._failure: BaseException | None = None
        self._bridge_away = False

    @contextmanager
    def waiting_for(self, command_id: str) -> Iterator[Inbox[ReceivedAnswer]]:
        """The answers to `command_id` while the block runs. RESUBSCRIBED (also as the first item) means: send again."""
        inbox: Inbox[ReceivedAnswer] = Inbox(1000)
        if self._is_up:
            inbox.put(RESUBSCRIBED)
        if self._failure is not None:
            inbox.fail(self._failure)
        self._waiting.setdefault(command_id, []).append(inbox)
        try:
            yield inbox
        finally:
            self._waiting[command_id].remove(inbox)
            if not self._waiting[command_id]:
                del self._waiting[command_id]

    def deliver(self, delivery: Delivery) -> None:
        """Dispatch an answer. Those of other senders are skipped without being validated."""
        topic = self._topics.parse(delivery.topic)
        if topic is None or not delivery.payload:
            return
        try:
            fields = json.loads(delivery.payload)
            if topic.leaf is Leaf.STATUS:
                self._note_bridge(away=fields["state"] == SessionState.OFFLINE)
            elif inboxes := self._waiting.get(fields["id"]):
                received = ReceivedAnswer(_parse(topic.leaf, fields), direct=topic.leaf is Leaf.REPLY)
                for inbox in inboxes:
                    inbox.put(received)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            kind = "by the schema" if isinstance(error, ValidationError) else "JSON"
            _log.warning("%s: ignored an answer that is not valid %s.", delivery.topic, kind)

    @property
    def has_failed(self) -> bool:
        """Whether no answers will arrive: the broker refuses the subscription, or the client is closed."""
        return self._failure is not None

    def resubscribed(self) -> None:
        """Answers may have been missed."""
        self._is_up = True
        for inboxes in self._waiting.values():
            for inbox in inboxes:
                inbox.put(RESUBSCRIBED)

    def fail(self, error: BaseException) -> None:
        """Raise it in every call that waits."""
        self._failure = error
        for inboxes in self._waiting.values():
            for inbox in inboxes:
                inbox.fail(error)

    def _note_bridge(self, *, away: bool) -> None:
        """When the bridge returns, commands are repeated at once: it may have missed what was published meanwhile."""
        returned, self._bridge_away = self._bridge_away and not away, away
        if returned:
            self.resubscribed()


def _parse(leaf: Leaf, fields: dict[str, object]) -> Answer:
    if leaf is Leaf.ACK:
        return Ack.model_validate(fields)
    return ControlResult.model_validate(fields) if "action" in fields else Result.model_validate(fields)


@dataclass
class Progress:
    """How far one command is, by the answers received so far."""

    until: Until
    result: Result | None = None
    tick: int = 0
    refused: bool = False
    broadcast: Result | None = None
    """A result seen on the result topic without a reply so far: perhaps that of an earlier command with this id."""

    def take(self, received: ReceivedAnswer) -> bool:
        """Merge an answer in; returns whether it changes what the caller knows."""
        match received.answer:
            case Result() as result:
                if received.direct:
                    self.broadcast = None
                    return self._take_result(result)
                self.broadcast = result if self._is_change(result) else self.broadcast
                return False
            case Ack(ack=AckName.ERROR):
                fresh, self.refused = not self.refused, True
                return fresh
            case Ack() as ack:
                fresh = _TICK_OF_ACK[ack.ack] > self.tick
                self.tick = max(self.tick, _TICK_OF_ACK[ack.ack])
                return fresh
        return False

    def accept_broadcast(self) -> Result | None:
        """Use the published result, since no reply arrives; returns it if it changes what the caller knows."""
        result, self.broadcast = self.broadcast, None
        return result if result is not None and self._take_result(result) else None

    @property
    def is_over(self) -> bool:
        """Whether the caller's wait is over: reached, or out of reach."""
        if self.result is None:
            return False
        if self.until == "accepted" or self.refused:
            return True
        if self.result.status is ResultStatus.SENT:
            return self.tick >= _TICKS[self.until] or self.until == "sent"
        return self.result.is_final

    def _take_result(self, result: Result) -> bool:
        changed = self._is_change(result)
        self.result = result if changed else self.result
        return changed

    def _is_change(self, result: Result) -> bool:
        before = self.result
        if before is None:
            return True
        if result.error is not None and result.error.code == Conflict.code:
            return False  # another client's command under this id: the first one stands
        if result.status is before.status:  # a wait for a file gets a reason when the first try has failed
            why, known = (one.waits.text if one.waits else None for one in (result, before))
            return why is not None and why != known
        return result.is_final or not before.is_final
