"""Sends commands: publishes, repeats the same id until it is answered, hears results and ticks.

A command is repeated after silence and after each reconnect, since a broker may lose what it acknowledged; the
bridge never sends an id twice. What becomes of the message is the bridge's to say: nothing is guessed here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from bridge.broker import BrokerDown, Delivery
from bridge.client.errors import NoAnswer
from bridge.client.line import Inbox, Line, Resumed
from bridge.client.presence import Presence
from bridge.contract.commands import ControlResult, SendCommand, parse_json
from bridge.contract.errors import ErrorCode
from bridge.contract.lifecycle import AckName
from bridge.contract.messages import Ack, Result, ResultStatus
from bridge.contract.session import SessionState
from bridge.contract.topics import Leaf, Topics

_log = logging.getLogger("bridge.client")
#: Seconds of silence after which a command is repeated: the first, and what it grows to.
SILENCE, LONGEST_SILENCE = 5.0, 30.0
#: Seconds after which a session that nobody has told of does not exist.
UNKNOWN_AFTER = 2.0

Until = Literal["accepted", "sent", "device", "read"]
Answer = Result | Ack | ControlResult
_TICKS = {"sent": 1, "device": 2, "read": 3}
_TICK_OF_ACK = {AckName.SERVER: 1, AckName.DEVICE: 2, AckName.READ: 3, AckName.PLAYED: 4}


class Answers:
    """A subscriber that hands the answers of one session to whoever waits for their id."""

    def __init__(self, topics: Topics, session: str, level: str) -> None:
        self.required = (topics.reply(session, level),)
        self.optional = (topics.result(session), topics.ack(session))
        self.is_up = False
        self._topics = topics
        self._waiting: dict[str, list[Inbox[Answer]]] = {}
        self._failure: BaseException | None = None

    @contextmanager
    def to(self, command_id: str) -> Iterator[Inbox[Answer]]:
        """What answers `command_id` while the block runs; begins with RESUMED."""
        inbox: Inbox[Answer] = Inbox(1000)
        if self.is_up:
            inbox.resume()
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
        """Hand an answer on. Those of other senders are passed over without being parsed whole."""
        topic = self._topics.parse(delivery.topic)
        try:
            fields = json.loads(delivery.payload)
            inboxes = self._waiting.get(fields["id"], [])
            if topic is None or not inboxes:
                return
            answer: Answer
            if topic.leaf is Leaf.ACK:
                answer = Ack.model_validate(fields)
            elif "action" in fields:
                answer = ControlResult.model_validate(fields)
            else:
                answer = Result.model_validate(fields)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            kind = "form" if isinstance(error, ValidationError) else "JSON"
            _log.warning("%s: an answer is not in the contract's %s, ignored.", delivery.topic, kind)
            return
        for inbox in inboxes:
            inbox.put(answer)

    def resume(self) -> None:
        """Answers may have been missed."""
        self.is_up = True
        for inboxes in self._waiting.values():
            for inbox in inboxes:
                inbox.resume()

    def fail(self, error: BaseException) -> None:
        """Raise it from whoever waits."""
        self._failure = error
        for inboxes in self._waiting.values():
            for inbox in inboxes:
                inbox.fail(error)


@dataclass
class Progress:
    """How far one command is, as far as was heard. Pure."""

    until: Until
    result: Result | None = None
    tick: int = 0
    refused: bool = False

    def hear(self, answer: Answer) -> bool:
        """Take an answer in; whether it is news for the caller."""
        match answer:
            case Result():
                return self._hear_result(answer)
            case Ack(ack=AckName.ERROR):
                fresh, self.refused = not self.refused, True
                return fresh
            case Ack():
                fresh = _TICK_OF_ACK[answer.ack] > self.tick
                self.tick = max(self.tick, _TICK_OF_ACK[answer.ack])
                return fresh
        return False

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
        before = self.result
        if before is not None:
            if result.error is not None and result.error.code == ErrorCode.CONFLICT:
                return False  # another's command under our id: the first one stands
            if result.status is before.status or (before.is_final and not result.is_final):
                return False
        self.result = result
        return True


class Sender:
    """Sends over one line. `level` is the topic level on which this user may be answered."""

    def __init__(self, line: Line, topics: Topics, level: str, presence: Presence) -> None:
        self._line = line
        self._topics = topics
        self._level = level
        self._presence = presence
        self._answers: dict[str, Answers] = {}

    async def answers(self, session: str) -> Answers:
        """The answers of a session, subscribed once for all its commands."""
        if session not in self._answers:
            answers = self._answers[session] = Answers(self._topics, session, self._level)
            try:
                await self._line.attach(answers)
            except BaseException:
                self._answers.pop(session, None)
                answers.fail(NoAnswer("The subscription for answers was broken off.", session=session, id=""))
                raise
        return self._answers[session]

    def command(self, session: str, fields: dict[str, Any]) -> SendCommand:
        """A checked command. Raises InvalidRequest, TooLarge: the bridge would refuse it with the same words."""
        given = {name: value for name, value in fields.items() if value is not None}
        given.setdefault("id", uuid.uuid4().hex)
        given["reply_topic"] = self._topics.reply(session, self._level)
        return parse_json(SendCommand, json.dumps(given).encode())

    async def publish(self, session: str, command: SendCommand) -> None:
        """Publish once. Raises BrokerDown."""
        await self._line.publish(self._topics.out(session), command.model_dump_json(exclude_defaults=True))

    async def steps(
        self, session: str, command: SendCommand, until: Until, timeout: float
    ) -> AsyncGenerator[Result | Ack, None]:
        """Publish until answered; yield each step. Ends at `until`, at a failure, or when the time is over.

        Raises NoSuchSession, and NoAnswer when the time is over and nothing was heard.
        """
        command_id = command.id or ""
        clock = asyncio.get_running_loop().time
        begun = clock()
        deadline, repeat_at, pause = begun + timeout, float("inf"), SILENCE
        progress = Progress(until)
        delivered = False
        answers = await self.answers(session)
        with answers.to(command_id) as inbox:
            while clock() < deadline and not progress.is_over:
                if clock() >= repeat_at:
                    repeat_at, pause = clock() + pause, min(2 * pause, LONGEST_SILENCE)
                    with suppress(BrokerDown, TimeoutError):
                        async with asyncio.timeout_at(deadline):
                            await self.publish(session, command)
                        delivered = True
                if progress.result is None and self._presence.is_foreign(session, clock()):
                    self._presence.check(session)
                look = begun + UNKNOWN_AFTER if clock() < begun + UNKNOWN_AFTER else deadline
                match await inbox.get(until=min(deadline, repeat_at, look)):
                    case None:
                        pass
                    case Resumed():
                        if progress.result is None or not progress.result.is_final:
                            repeat_at, pause = clock(), SILENCE
                    case (Result() | Ack()) as answer if progress.hear(answer):
                        if progress.result is not None:
                            repeat_at = float("inf") if progress.result.is_final else clock() + LONGEST_SILENCE
                        yield answer
                    case _:
                        pass
        if progress.result is None:
            raise self._no_answer(session, command_id, delivered, timeout)

    def _no_answer(self, session: str, command_id: str, delivered: bool, timeout: float) -> NoAnswer:
        status = self._presence.last_known(session)
        if not delivered:
            text = f"The broker could not be reached for {timeout:g} s; nothing was sent."
        elif status is None:
            text = "The broker took the command and no bridge has been seen there: start `wa up` or `wa bridge`."
        elif status.state is SessionState.OFFLINE:
            text = f"The bridge of {session} is away. The command waits at the broker and may be sent when it returns."
        else:
            text = f"The bridge of {session} has not answered for {timeout:g} s."
        return NoAnswer(
            f"{text} Ask again with id {command_id}: it is never sent twice.", session=session, id=command_id
        )
