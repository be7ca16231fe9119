"""Sends commands: publishes, repeats the same id until it is answered, collects results and ticks.

A command is repeated after silence and after each reconnect, since a broker may lose what it acknowledged. The bridge
never sends an id twice while it keeps its store; nothing is repeated to another store. Only the bridge decides the
outcome: nothing is guessed here.
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

from bridge.broker import BrokerDown, PacketTooLarge
from bridge.client.answers import AnswerStream, Progress, ReceivedAnswer, Until
from bridge.client.connection import Resubscribed, SharedConnection
from bridge.client.errors import NoAnswer
from bridge.client.status_cache import StatusCache
from bridge.contract.commands import CancelCommand, SendCommand, checked, parse_json
from bridge.contract.errors import TooLarge
from bridge.contract.kinds import Content
from bridge.contract.messages import Ack, Result, ResultStatus
from bridge.contract.session import SessionState
from bridge.contract.topics import Topics

_log = logging.getLogger(__name__)
#: Seconds without an answer after which a command is repeated: at first, and at most.
SILENCE, LONGEST_SILENCE = 5.0, 30.0
NEVER = float("inf")
#: Seconds after which a result on the result topic is used although no reply arrived: a broker's own ACL may keep
#: replies from this client.
NO_REPLY_AFTER = 1.0


class CommandSender:
    def __init__(self, connection: SharedConnection, topics: Topics, reply_name: str, statuses: StatusCache) -> None:
        self._connection = connection
        self._topics = topics
        self._reply_name = reply_name
        self._statuses = statuses
        self._answers: dict[str, AnswerStream] = {}

    async def answers(self, session: str) -> AnswerStream:
        """The answers of a session, subscribed once for all its commands."""
        if session not in self._answers or self._answers[session].has_failed:
            answers = self._answers[session] = AnswerStream(self._topics, session, self._reply_name)
            try:
                await self._connection.attach(answers)
            except BaseException:
                self._answers.pop(session, None)
                if not answers.has_failed:
                    answers.fail(NoAnswer("Subscribing to the answers was interrupted.", session=session, id=""))
                raise
        return self._answers[session]

    def command(self, session: str, fields: dict[str, Any]) -> SendCommand:
        """A checked command. Raises InvalidRequest, TooLarge: the bridge would refuse it with the same sentence."""
        given = {name: value for name, value in fields.items() if value is not None}
        given.setdefault("id", uuid.uuid4().hex)
        given["reply_topic"] = self._topics.reply(session, self._reply_name)
        return parse_json(SendCommand, json.dumps(given).encode())

    async def publish(self, session: str, command: SendCommand) -> None:
        """Publish once. Raises BrokerDown, and TooLarge for more than the broker takes."""
        try:
            await self._connection.publish(self._topics.out(session), command.model_dump_json(exclude_defaults=True))
        except PacketTooLarge as error:
            raise TooLarge(error.text) from error

    async def cancel(self, session: str, command_id: str, timeout: float) -> Result:
        """Cancel a command: asked again until it is answered. Raises InvalidRequest, BrokerDown, NoAnswer."""
        asked = uuid.uuid4().hex  # which the answer names; other answers are to the command itself
        fields = {
            "cancel": command_id,
            "transaction": asked,
            "reply_topic": self._topics.reply(session, self._reply_name),
        }
        body = checked(CancelCommand, fields).model_dump_json(exclude_defaults=True)
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        answers = await self.answers(session)
        with answers.waiting_for(command_id) as inbox:
            while clock() < deadline:
                with suppress(BrokerDown, TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await self._connection.publish(self._topics.out(session), body)
                repeat_at = min(clock() + SILENCE, deadline)
                while (received := await inbox.get(until=repeat_at)) is not None:
                    match received:
                        case ReceivedAnswer(Result(transaction=transaction) as result) if transaction == asked:
                            return result
        raise NoAnswer(
            f"No answer within {timeout:g} s: whether {command_id} is cancelled is not known. Cancel it again.",
            session=session,
            id=command_id,
        )

    async def steps(
        self, session: str, command: SendCommand, *, until: Until, timeout: float
    ) -> AsyncGenerator[Result | Ack, None]:
        """Publish until answered; yield each step. Ends at `until`, at a failure, or at the timeout.

        Raises NoSuchSession, and NoAnswer when no answer arrived within the timeout.
        """
        clock = asyncio.get_running_loop().time
        deadline, repeat_at, pause = clock() + timeout, NEVER, SILENCE
        progress, delivered = Progress(until), False
        epoch: str | None = None  # of the store that may have claimed the command
        answers = await self.answers(session)
        with answers.waiting_for(command.id or "") as inbox:
            accept_broadcast_at = NEVER
            while clock() < deadline and not progress.is_over:
                if clock() >= repeat_at:
                    repeat_at, pause = clock() + pause, min(2 * pause, LONGEST_SILENCE)
                    if epoch is None or epoch == self._current_epoch(session):
                        with suppress(BrokerDown, TimeoutError):
                            async with asyncio.timeout_at(deadline):
                                await self.publish(session, command)
                            delivered = True
                    elif self._current_epoch(session) is not None:
                        yield self._unknown_result(session, command)
                        return
                if delivered and epoch is None:
                    epoch = self._current_epoch(session)
                if progress.result is None:
                    self._statuses.check_exists(session)
                if progress.broadcast is None:
                    accept_broadcast_at = NEVER
                elif accept_broadcast_at == NEVER:
                    accept_broadcast_at = clock() + NO_REPLY_AFTER
                fresh: Result | Ack | None = None
                match await inbox.get(
                    until=min(deadline, repeat_at, accept_broadcast_at, self._statuses.complete_at or NEVER)
                ):
                    case None if clock() >= accept_broadcast_at:
                        fresh = progress.accept_broadcast()
                    case Resubscribed() if not (progress.result and progress.result.is_final):
                        repeat_at, pause = clock(), SILENCE
                    case ReceivedAnswer((Result() | Ack()) as answer) as received if progress.take(received):
                        fresh = answer
                if fresh is not None:
                    if progress.result is not None:
                        repeat_at = NEVER if progress.result.is_final else clock() + LONGEST_SILENCE
                    yield fresh
        if progress.result is None and (result := progress.accept_broadcast()) is not None:
            yield result
        if progress.result is None:
            raise self._no_answer(session, command.id or "", delivered, timeout)

    def _current_epoch(self, session: str) -> str | None:
        """The epoch of the store that claims what is published now; None while no bridge is known to be online."""
        status = self._statuses.last_known(session)
        return status.epoch if status is not None and status.state is not SessionState.OFFLINE else None

    def _unknown_result(self, session: str, command: SendCommand) -> Result:
        """For a bridge with another store than the one that may have claimed the command: it could send it again."""
        _log.warning("%s: the bridge has a new store; the outcome of %s is unknown.", session, command.id)
        return Result(
            session=session,
            id=command.id or "",
            status=ResultStatus.UNKNOWN,
            to=str(to) if (to := command.known_recipient) else None,
            at=datetime.now(UTC),
            transaction=command.transaction,
            meta=command.meta,
        )

    def _no_answer(self, session: str, command_id: str, delivered: bool, timeout: float) -> NoAnswer:
        status = self._statuses.last_known(session)
        if not delivered:
            text = f"The broker could not be reached for {timeout:g} s; nothing was sent."
        elif status is None:
            text = "The broker accepted the command, but no bridge is connected to it: start `wa up` or `wa bridge`."
        elif status.state is SessionState.OFFLINE:
            text = f"The bridge of {session} is offline. The command waits at the broker and may be sent later."
        else:
            text = (
                f"The bridge of {session} is online and has not answered for {timeout:g} s:"
                " the broker may not allow this user to send, or to read the answer."
            )
        return NoAnswer(f"{text} Repeat with id {command_id}: it is never sent twice.", session=session, id=command_id)


def field_of(message: str | Content) -> dict[str, Any]:
    """The field of a command that carries a text or other content."""
    return message.as_field() if isinstance(message, Content) else {"message": message}
