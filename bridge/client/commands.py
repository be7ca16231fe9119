"""Sends commands: publishes, repeats the same id until it is answered, hears results and ticks.

A command is repeated after silence and after each reconnect, since a broker may lose what it acknowledged; the
bridge never sends an id twice as long as it has its store, and to another store nothing is repeated. What becomes of
the message is the bridge's to say: nothing is guessed here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from bridge.broker import BrokerDown
from bridge.client.answers import AnswerStream, Progress, ReceivedAnswer, Until
from bridge.client.connection import Resubscribed, SharedConnection
from bridge.client.errors import NoAnswer
from bridge.client.status_cache import StatusCache
from bridge.contract.commands import SendCommand, parse_json
from bridge.contract.messages import Ack, Result, ResultStatus
from bridge.contract.session import SessionState
from bridge.contract.topics import Topics

_log = logging.getLogger(__name__)
#: Seconds of silence after which a command is repeated: the first, and what it grows to.
SILENCE, LONGEST_SILENCE = 5.0, 30.0
NEVER = float("inf")
#: Seconds after which a result that everybody was told counts as ours although no reply came: a broker with rules of
#: its own may keep replies from us.
NO_REPLY = 1.0


class CommandSender:
    """Sends over one line. `level` is the topic level on which this user may be answered."""

    def __init__(self, line: SharedConnection, topics: Topics, level: str, presence: StatusCache) -> None:
        self._line = line
        self._topics = topics
        self._level = level
        self._presence = presence
        self._answers: dict[str, AnswerStream] = {}

    async def answers(self, session: str) -> AnswerStream:
        """The answers of a session, subscribed once for all its commands."""
        if session not in self._answers:
            answers = self._answers[session] = AnswerStream(self._topics, session, self._level)
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
        clock = asyncio.get_running_loop().time
        deadline, repeat_at, pause = clock() + timeout, NEVER, SILENCE
        progress, delivered = Progress(until), False
        store: str | None = None  # the one that may have claimed the command
        answers = await self.answers(session)
        with answers.to(command.id or "") as inbox:
            take_aside_at = NEVER
            while clock() < deadline and not progress.is_over:
                if clock() >= repeat_at:
                    repeat_at, pause = clock() + pause, min(2 * pause, LONGEST_SILENCE)
                    if store is None or store == self._store(session):
                        with suppress(BrokerDown, TimeoutError):
                            async with asyncio.timeout_at(deadline):
                                await self.publish(session, command)
                            delivered = True
                    elif self._store(session) is not None:
                        yield self._forgotten(session, command)
                        return
                if delivered and store is None:
                    store = self._store(session)
                if progress.result is None:
                    self._presence.refuse_foreign(session)
                if progress.aside is None:
                    take_aside_at = NEVER
                elif take_aside_at == NEVER:
                    take_aside_at = clock() + NO_REPLY
                fresh: Result | Ack | None = None
                match await inbox.get(until=min(deadline, repeat_at, take_aside_at, self._presence.judged_at or NEVER)):
                    case None if clock() >= take_aside_at:
                        fresh = progress.take_aside()
                    case Resubscribed() if not (progress.result and progress.result.is_final):
                        repeat_at, pause = clock(), SILENCE
                    case ReceivedAnswer((Result() | Ack()) as answer) as heard if progress.hear(heard):
                        fresh = answer
                if fresh is not None:
                    if progress.result is not None:
                        repeat_at = NEVER if progress.result.is_final else clock() + LONGEST_SILENCE
                    yield fresh
        if progress.result is None and (told := progress.take_aside()) is not None:
            yield told
        if progress.result is None:
            raise self._no_answer(session, command.id or "", delivered, timeout)

    def _store(self, session: str) -> str | None:
        """The epoch of the store that claims what is published now; None while no bridge is there, or none is known."""
        status = self._presence.last_known(session)
        return status.epoch if status is not None and status.state is not SessionState.OFFLINE else None

    def _forgotten(self, session: str, command: SendCommand) -> Result:
        """The bridge has another store than the one that was asked: it may send again what that one has sent."""
        _log.warning("%s: the bridge's store is another one; what became of %s is not known.", session, command.id)
        return Result(
            session=session,
            id=command.id or "",
            status=ResultStatus.UNKNOWN,
            to=str(command.recipient),
            at=datetime.now(UTC),
            transaction=command.transaction,
            meta=command.meta,
        )

    def _no_answer(self, session: str, command_id: str, delivered: bool, timeout: float) -> NoAnswer:
        status = self._presence.last_known(session)
        if not delivered:
            text = f"The broker could not be reached for {timeout:g} s; nothing was sent."
        elif status is None:
            text = "The broker took the command and no bridge has been seen there: start `wa up` or `wa bridge`."
        elif status.state is SessionState.OFFLINE:
            text = f"The bridge of {session} is away. The command waits at the broker and may be sent when it returns."
        else:
            text = (
                f"The bridge of {session} is there and has not answered for {timeout:g} s:"
                " the broker may keep this user from sending, or from reading the answer."
            )
        return NoAnswer(
            f"{text} Ask again with id {command_id}: it is never sent twice.", session=session, id=command_id
        )
