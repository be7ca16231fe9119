"""What is heard of commands: answers handed to whoever waits for their id, and how far one command is. No I/O.

Knows two ways of hearing: `reply` answers who asked, `result` tells everybody. The difference matters where an id was
used for two texts: only the reply says which of them is meant.
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
from bridge.client.connection import RESUMED, Inbox
from bridge.contract.commands import ControlResult
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
    """An answer; `direct` = on our own reply topic."""

    answer: Answer
    direct: bool


class AnswerStream:
    """A subscriber that hands the answers of one session to whoever waits for their id."""

    def __init__(self, topics: Topics, session: str, level: str) -> None:
        self.required = (topics.reply(session, level),)
        self.optional = (topics.result(session), topics.ack(session), topics.status(session))
        self._is_up = False
        self._topics = topics
        self._waiting: dict[str, list[Inbox[ReceivedAnswer]]] = {}
        self._failure: BaseException | None = None
        self._bridge_away = False

    @contextmanager
    def to(self, command_id: str) -> Iterator[Inbox[ReceivedAnswer]]:
        """What answers `command_id` while the block runs; RESUMED, at the beginning too, says: ask now."""
        inbox: Inbox[ReceivedAnswer] = Inbox(1000)
        if self._is_up:
            inbox.put(RESUMED)
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
        """Hand an answer on. Those of other senders are passed over without being read whole."""
        topic = self._topics.parse(delivery.topic)
        if topic is None or not delivery.payload:
            return
        try:
            fields = json.loads(delivery.payload)
            if topic.leaf is Leaf.STATUS:
                self._see_bridge(away=fields["state"] == SessionState.OFFLINE)
            elif inboxes := self._waiting.get(fields["id"]):
                heard = ReceivedAnswer(_parse(topic.leaf, fields), direct=topic.leaf is Leaf.REPLY)
                for inbox in inboxes:
                    inbox.put(heard)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            kind = "form" if isinstance(error, ValidationError) else "JSON"
            _log.warning("%s: an answer is not in the contract's %s, ignored.", delivery.topic, kind)

    def resume(self) -> None:
        """Answers may have been missed."""
        self._is_up = True
        for inboxes in self._waiting.values():
            for inbox in inboxes:
                inbox.put(RESUMED)

    def fail(self, error: BaseException) -> None:
        """Raise it from whoever waits."""
        self._failure = error
        for inboxes in self._waiting.values():
            for inbox in inboxes:
                inbox.fail(error)

    def _see_bridge(self, *, away: bool) -> None:
        """A bridge that returns is asked at once: it may never have got what was published while it was away."""
        returned, self._bridge_away = self._bridge_away and not away, away
        if returned:
            self.resume()


def _parse(leaf: Leaf, fields: dict[str, object]) -> Answer:
    if leaf is Leaf.ACK:
        return Ack.model_validate(fields)
    return ControlResult.model_validate(fields) if "action" in fields else Result.model_validate(fields)


@dataclass
class Progress:
    """How far one command is, as far as was heard."""

    until: Until
    result: Result | None = None
    tick: int = 0
    refused: bool = False
    aside: Result | None = None
    """A result told to everybody and not replied to us so far: that of an earlier command of this id, perhaps."""

    def hear(self, heard: ReceivedAnswer) -> bool:
        """Take an answer in; whether it is news for the caller."""
        match heard.answer:
            case Result() as result:
                if heard.direct:
                    self.aside = None
                    return self._hear_result(result)
                self.aside = result if self._is_news(result) else self.aside
                return False
            case Ack(ack=AckName.ERROR):
                fresh, self.refused = not self.refused, True
                return fresh
            case Ack() as ack:
                fresh = _TICK_OF_ACK[ack.ack] > self.tick
                self.tick = max(self.tick, _TICK_OF_ACK[ack.ack])
                return fresh
        return False

    def take_aside(self) -> Result | None:
        """Count what everybody was told as ours, since no reply comes; returns it if it is news."""
        told, self.aside = self.aside, None
        return told if told is not None and self._hear_result(told) else None

    @property
    def is_over(self) -> bool:
        """Whether what the caller waits for has come, or cannot come any more."""
        if self.result is None:
            return False
        if self.until == "accepted" or self.refused:
            return True
        if self.result.status is ResultStatus.SENT:
            return self.tick >= _TICKS[self.until] or self.until == "sent"
        return self.result.is_final

    def _hear_result(self, result: Result) -> bool:
        news = self._is_news(result)
        self.result = result if news else self.result
        return news

    def _is_news(self, result: Result) -> bool:
        before = self.result
        if before is None:
            return True
        if result.error is not None and result.error.code == Conflict.code:
            return False  # another's command under our id: the first one stands
        return result.status is not before.status and (result.is_final or not before.is_final)
