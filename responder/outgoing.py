"""Publishes a turn's commands and reports their outcome. Over MQTT here; webhook mode has a sink of its own."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from bridge.client import Client, CodedError, Content, NoAnswer, NoSuchSession, Priority, Result, ResultStatus
from bridge.contract.errors import Cancelled, Conflict, MediaUnavailable, MessageNotFound
from bridge.contract.kinds import MAX_INLINE, load_field
from responder.errors import FileFailed
from responder.store.rows import QueuedAnswer, Turn
from responder.store.turns import Finished
from responder.timing import DeliveryTiming
from responder.turns import TurnOrigin, TurnState

_log = logging.getLogger(__name__)
#: Seconds to wait for the outcome of a command before it is published again.
RESULT_TIMEOUT = 120.0
#: Seconds after a command has expired in which the bridge may still report its outcome.
GRACE = 60.0
#: Seconds before a command that is being sent is asked for again, where it should be taken back.
SENDING_RETRY = 1.0
#: Seconds that one typing indicator lasts, and between two of them: it ends by itself if the responder dies.
TYPING, TYPING_AGAIN = 15.0, 10.0


class AnswerSink(Protocol):
    """Where answers go out."""

    #: Whether a delivery may be cancelled before `withdraw`; else it goes on, and knows that its turn was taken back.
    is_cancellable: bool

    async def deliver(self, turn: Turn, accepted: Callable[[], None]) -> Finished | None:
        """Publish and wait for the outcome; `accepted` is called once a following turn can no longer overtake this one.

        None: another replica delivers it, and this one must not finish it.
        """
        ...

    async def withdraw(self, turn: Turn) -> Finished | None:
        """Take back what has not left of a turn that is being delivered no more; the outcome, as of `deliver`.

        None: it is not known, or another process delivers the turn.
        """
        ...

    async def show_typing(self, session: str, chat: str, seconds: float) -> None:
        """Show the typing indicator, 0 ends it. Best effort: raises nothing."""
        ...


@asynccontextmanager
async def typing_shown(sink: AnswerSink, session: str, chat: str) -> AsyncIterator[None]:
    """Show the typing indicator while the block runs."""

    async def keep_showing() -> None:
        while True:
            await sink.show_typing(session, chat, TYPING)
            await asyncio.sleep(TYPING_AGAIN)

    showing = asyncio.create_task(keep_showing(), name="typing")
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait([showing])
        await sink.show_typing(session, chat, 0)


class MqttAnswerSink(AnswerSink):
    """Repeats the same ids until there is a result: the bridge sends each once. `client` returns the connected one,
    `file` a rule's file by its SHA-256, if it is still there. `upload` brings a large one to the bridge."""

    is_cancellable = True

    def __init__(
        self,
        client: Callable[[], Client],
        now: Callable[[], float],
        file: Callable[[str], Path | None],
        upload: Callable[[Path], Awaitable[str]] | None,
        timing: DeliveryTiming,
    ) -> None:
        self._timing = timing
        self._client = client
        self._upload = upload
        self._file = file
        self._now = now

    @override
    async def deliver(self, turn: Turn, accepted: Callable[[], None]) -> Finished:
        """A part is published once the part before it was accepted, which keeps their order."""
        part_accepted = [asyncio.Event() for _ in turn.commands]
        async with asyncio.TaskGroup() as tasks:
            outcomes = []
            for number, event in enumerate(part_accepted):
                outcomes.append(tasks.create_task(self._command(turn, number, event), name=f"deliver {turn.id}"))
                await event.wait()
            accepted()
        return _outcome([outcome.result() for outcome in outcomes])

    @override
    async def withdraw(self, turn: Turn) -> Finished | None:
        """The last part first: the bridge would go on with it while the first is taken back."""
        try:
            return _outcome([await self._cancel(turn, command.id) for command in reversed(turn.commands)])
        except CodedError as error:
            if self._now() > turn.expires_at + GRACE:
                return Finished(turn.id, TurnState.UNKNOWN, "no_answer")
            _log.warning("%s: an answer is not taken back yet: %s", turn.session, error.text)
            return None

    async def _cancel(self, turn: Turn, command_id: str) -> Finished:
        """Raises NoAnswer, NoSuchSession, BrokerDown."""
        while True:
            result = await self._client().cancel(turn.session, command_id)
            if result.error is not None and result.error.code == MessageNotFound.code:
                return Finished(turn.id, TurnState.FAILED, Cancelled.code)  # it was not published
            if result.status is not ResultStatus.ACCEPTED:
                return _finished(turn, result)
            await asyncio.sleep(SENDING_RETRY)  # it is being sent

    @override
    async def show_typing(self, session: str, chat: str, seconds: float) -> None:
        try:
            await self._client().typing(session, chat, seconds)
        except CodedError as error:
            _log.debug("%s: typing is not shown: %s", session, error.text)

    async def _command(self, turn: Turn, number: int, accepted: asyncio.Event) -> Finished:
        try:
            while True:
                try:
                    result = await self._send(turn, number, accepted)
                except NoAnswer:
                    result = None
                except NoSuchSession as error:
                    _log.warning("%s: %s", turn.session, error.text)
                    result = None
                    await asyncio.sleep(self._timing.retry)
                except FileFailed as error:
                    if not error.transient or self._now() > turn.expires_at:
                        return Finished(turn.id, TurnState.FAILED, MediaUnavailable.code)
                    _log.warning("%s: %s", turn.session, error.text)
                    result = None
                    await asyncio.sleep(self._timing.retry)
                if result is not None and result.status is not ResultStatus.ACCEPTED:
                    return _finished(turn, result)
                if self._now() > turn.expires_at + GRACE:
                    return Finished(turn.id, TurnState.UNKNOWN, "no_answer")
        except CodedError as error:  # the client itself refuses the command, or is closing
            if error.transient or error.code == "client_closed":
                raise
            return Finished(turn.id, TurnState.FAILED, error.code)
        finally:
            accepted.set()

    async def _send(self, turn: Turn, number: int, accepted: asyncio.Event) -> Result | None:
        command = turn.commands[number]
        result = None
        steps = self._client().send_steps(
            turn.session,
            turn.chat,
            await self._content(command),
            id=command.id,
            expires_at=datetime.fromtimestamp(turn.expires_at, UTC),
            priority=Priority.HUMAN if turn.origin is TurnOrigin.HUMAN else Priority.REPLY,
            timeout=RESULT_TIMEOUT,
        )
        async with aclosing(steps):
            async for step in steps:
                if isinstance(step, Result):
                    result = step
                    accepted.set()
        return result

    async def _content(self, command: QueuedAnswer) -> str | Content:
        """The text, or the file with its bytes, which are the same command to the bridge as their SHA-256.

        Raises FileFailed for one that is too large for a command and cannot be uploaded.
        """
        if command.content is None:
            return command.text
        [(field, value)] = command.content.items()
        sha256 = value.get("sha256")
        path = None if sha256 is None else await asyncio.to_thread(self._file, sha256)
        if path is None:
            return load_field(field, value)
        if (await asyncio.to_thread(path.stat)).st_size > MAX_INLINE:
            if self._upload is not None:
                try:
                    await self._upload(path)
                except CodedError as error:
                    raise FileFailed(f"{path.name} is not uploaded: {error.text}", transient=error.transient) from error
            return load_field(field, value)
        rest = {name: one for name, one in value.items() if name != "sha256"}
        content = await asyncio.to_thread(path.read_bytes)
        return load_field(field, rest | {"data": base64.b64encode(content).decode()})


def _outcome(results: Sequence[Finished]) -> Finished:
    """That of a turn, by those of its parts."""
    return next((result for result in results if result.state is not TurnState.SENT), results[0])


def _finished(turn: Turn, result: Result) -> Finished:
    code = result.error.code if result.error else None
    if result.status is ResultStatus.SENT or code == Conflict.code:
        # a conflict means that this turn was sent before with another text, which stands
        return Finished(turn.id, TurnState.SENT, code)
    if result.status is ResultStatus.UNKNOWN:
        return Finished(turn.id, TurnState.UNKNOWN, code)
    return Finished(turn.id, TurnState.FAILED, code)
