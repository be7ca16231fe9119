"""Takes back commands that have not left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from bridge.contract.commands import CancelCommand
from bridge.contract.errors import BridgeError, Cancelled, MessageNotFound
from bridge.contract.messages import Result
from bridge.core.addressing import Addressing
from bridge.core.pacing import Schedule
from bridge.core.results import notice, result_of
from bridge.ports import Outbox, OutboxRow, ReplyTo

_log = logging.getLogger(__name__)


class Cancellation:
    """Cancels commands of one session: those that wait, wherever they wait. What is being sent is left alone."""

    def __init__(
        self,
        session: str,
        outbox: Outbox,
        schedule: Schedule,
        addressing: Addressing,
        fail: Callable[[OutboxRow, BridgeError], Awaitable[None]],
    ) -> None:
        """`fail` stores that a row was not sent, with its result."""
        self._session = session
        self._outbox = outbox
        self._schedule = schedule
        self._addressing = addressing
        self._fail = fail
        self._steps: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def cancel(self, command: CancelCommand, reply_to: ReplyTo | None) -> Result:
        """As `OutboundPipeline.cancel`, once the open rows are loaded."""
        await self._addressing.arrived(command.cancel)
        async with self._steps.setdefault(command.cancel, asyncio.Lock()):
            row = await self._outbox.get(command.cancel)
            if row is None:
                raise MessageNotFound("There is no command of this id, or it was deleted by age.")
            if cancelled := self._schedule.is_queued(row):
                _log.info("%s: %s is cancelled", self._session, row.claim.id)
                self._schedule.drop(row)  # from here on it cannot be sent
                await self._fail(row, Cancelled())
                row = await self._outbox.get(command.cancel) or row
        answer = result_of(self._session, row)
        if command.transaction is not None:
            answer = answer.model_copy(update={"transaction": command.transaction})
        if reply_to is not None or not cancelled:  # else it is the result that has just been stored
            await self._outbox.notify(notice(answer, reply_to))
        return answer
