"""Publishes a turn's commands and says what became of them. Over MQTT here; webhook mode has an outlet of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from bridge.client import Client, CodedError, NoAnswer, NoSuchSession, Priority, Result, ResultStatus
from bridge.contract.errors import Conflict
from responder.store.rows import Turn
from responder.store.turns import Finished
from responder.turns import TurnOrigin, TurnState

_log = logging.getLogger(__name__)
#: Seconds for which the outcome of a command is waited for before it is asked for again.
PATIENCE = 120.0
#: Seconds after the end of a command's time in which the bridge may still say what became of it.
GRACE = 60.0
#: Seconds before a session that nobody knows is tried again.
UNKNOWN_SESSION = 15.0


class AnswerSink(Protocol):
    """Where answers go out."""

    async def deliver(self, turn: Turn, accepted: Callable[[], None]) -> Finished | None:
        """Publish and wait for the outcome; `accepted` is called when a next turn may follow without overtaking.

        None: not to be finished here, since somebody else has it.
        """
        ...

    async def show_typing(self, session: str, chat: str, seconds: float) -> None:
        """Show that an answer is being written, 0 = no more. Raises nothing: it may as well be lost."""
        ...


class MqttAnswerSink:
    """Repeats the same ids until there is a result: the bridge sends each once."""

    def __init__(self, client: Client, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now

    async def deliver(self, turn: Turn, accepted: Callable[[], None]) -> Finished:
        """See `AnswerSink`. A part follows when the one before was accepted, which keeps their order."""
        taken = [asyncio.Event() for _ in turn.commands]
        async with asyncio.TaskGroup() as tasks:
            outcomes = []
            for number, event in enumerate(taken):
                outcomes.append(tasks.create_task(self._command(turn, number, event), name=f"deliver {turn.id}"))
                await event.wait()
            accepted()
        results = [outcome.result() for outcome in outcomes]
        return next((result for result in results if result.state is not TurnState.SENT), results[0])

    async def show_typing(self, session: str, chat: str, seconds: float) -> None:
        try:
            await self._client.typing(session, chat, seconds)
        except CodedError as error:
            _log.debug("%s: typing is not shown: %s", session, error.text)

    async def _command(self, turn: Turn, number: int, taken: asyncio.Event) -> Finished:
        try:
            while True:
                try:
                    result = await self._send(turn, number, taken)
                except NoAnswer:
                    result = None
                except NoSuchSession as error:
                    _log.warning("%s: %s", turn.session, error.text)
                    result = None
                    await asyncio.sleep(UNKNOWN_SESSION)
                if result is not None and result.status is not ResultStatus.ACCEPTED:
                    return _finished(turn, result)
                if self._now() > turn.expires_at + GRACE:
                    return Finished(turn.id, TurnState.UNKNOWN, "no_answer")
        except CodedError as error:  # a command that the client itself refuses, or a client that is closing
            if error.transient or error.code == "client_closed":
                raise
            return Finished(turn.id, TurnState.FAILED, error.code)
        finally:
            taken.set()

    async def _send(self, turn: Turn, number: int, taken: asyncio.Event) -> Result | None:
        command = turn.commands[number]
        result = None
        steps = self._client.send_steps(
            turn.session,
            turn.chat,
            command.text,
            id=command.id,
            expires_at=datetime.fromtimestamp(turn.expires_at, UTC),
            priority=Priority.HUMAN if turn.origin is TurnOrigin.HUMAN else Priority.REPLY,
            timeout=PATIENCE,
        )
        async with aclosing(steps):
            async for step in steps:
                if isinstance(step, Result):
                    result = step
                    taken.set()
        return result


def _finished(turn: Turn, result: Result) -> Finished:
    code = result.error.code if result.error else None
    if result.status is ResultStatus.SENT or code == Conflict.code:
        # a conflict says that this turn was answered before, in other words: the first ones stand
        return Finished(turn.id, TurnState.SENT, code)
    if result.status is ResultStatus.UNKNOWN:
        return Finished(turn.id, TurnState.UNKNOWN, code)
    return Finished(turn.id, TurnState.FAILED, code)
