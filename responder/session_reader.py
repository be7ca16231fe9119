"""Reads the streams of a session and records them in batches, each with its cursor in the same transaction.

While the database is down nothing is read; the bridge's journal keeps what is not recorded yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bridge.client import BrokerRefused, Client, Gap, Message
from bridge.contract.messages import Stream
from bridge.sql.database import FIRST_PAUSE, pause_before_retry
from bridge.sql.errors import DatabaseDown, StatementLost
from responder.errors import LeaseLost
from responder.faults import FaultLog
from responder.incoming import (
    STATEMENT_OVERHEAD,
    MessageMark,
    PersonLink,
    ReceivedMessage,
    StreamPosition,
    of_event,
    of_message,
)
from responder.store.recorder import Recorder
from responder.store.rows import Lease, Pending

_log = logging.getLogger(__name__)
#: Messages recorded in one transaction, and messages read ahead of it.
BATCH, READ_AHEAD = 100, 500
#: Seconds by which events are recorded after messages: what WhatsApp Business answers by itself is recognised by the
#: message that came before it, and the streams have no common order.
BEHIND = 0.3
#: Further tries of one item with which the connection to the database ended.
LOST_RETRIES = 2
_Item = ReceivedMessage | PersonLink | MessageMark | StreamPosition
#: Seconds before a refused subscription is tried again.
REFUSED_RETRY = 30.0


class SessionReader:
    """Reads one session under a lease; `run` ends when the lease is lost. `recorded` receives what was recorded."""

    def __init__(
        self,
        client: Client,
        recorder: Recorder,
        session: str,
        lease: Lease,
        *,
        recorded: Callable[[list[Pending], set[int]], None],
        faults: FaultLog,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._session = session
        self._lease = lease
        self._recorded = recorded
        self._faults = faults
        self._now = now
        self._pauses: dict[Stream, float] = {}  # before the next try; longer the longer the database is down

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for stream in Stream:
                    tasks.create_task(self._follow(stream), name=f"read {self._session} {stream}")
        except* LeaseLost:
            _log.warning("%s: another replica reads it now.", self._session)

    async def _follow(self, stream: Stream) -> None:
        while True:
            try:
                after = await self._recorder.cursor(self._session, stream)
                items: AsyncGenerator[Any, None] = (
                    self._client.messages(self._session, after=after, on_gap=self._gap)
                    if stream is Stream.IN
                    else self._client.events(self._session, after=after, on_gap=self._gap)
                )
                async with aclosing(items):
                    await self._copy(items, stream)
            except DatabaseDown:
                self._pauses[stream] = await pause_before_retry(self._pauses.get(stream, FIRST_PAUSE))
            except BrokerRefused as error:
                self._faults.note("broker_refused", self._session, error.text)
                await asyncio.sleep(REFUSED_RETRY)

    async def _copy(self, items: AsyncGenerator[Any, None], stream: Stream) -> None:
        """Record a stream. Raises DatabaseDown, LeaseLost, and the errors of reading."""
        queue: asyncio.Queue[_Item | Exception] = asyncio.Queue(READ_AHEAD)

        async def read_ahead() -> None:
            try:
                async for item in items:
                    await queue.put(of_message(item) if isinstance(item, Message) else of_event(item))
            except Exception as error:  # noqa: BLE001 - raised below, after the items before it
                await queue.put(error)

        reading = asyncio.create_task(read_ahead(), name=f"read ahead {self._session}")
        try:
            while True:
                found = [await queue.get()]
                if stream is Stream.EVENT:
                    await asyncio.sleep(BEHIND)
                while len(found) < BATCH and not queue.empty():
                    found.append(queue.get_nowait())
                for batch in self._portions([item for item in found if not isinstance(item, Exception)]):
                    await self._record(batch)
                    self._pauses.pop(stream, None)
                for error in found:
                    if isinstance(error, Exception):
                        raise error
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    def _portions(self, items: Sequence[_Item]) -> Iterator[list[_Item]]:
        """The items in groups that the database takes in one statement."""
        limit = self._recorder.largest_statement
        portion: list[_Item] = []
        size = 0
        for item in items:
            needed = _size_of(item)
            if portion and limit is not None and size + needed > limit:
                yield portion
                portion, size = [], 0
            portion.append(item)
            size += needed
        if portion:
            yield portion

    async def _record(self, batch: Sequence[_Item]) -> None:
        try:
            self._recorded(*await self._recorder.record(batch, now=self._now(), lease=self._lease))
        except StatementLost as error:
            if not await self._recorder.answers():
                raise  # it is down
            if len(batch) > 1:  # it answers, but does not take this: there may be a limit that it does not report
                half = len(batch) // 2
                await self._record(batch[:half])
                await self._record(batch[half:])
                return
            await self._record_lost(batch[0], error)
        except (SQLAlchemyError, ValueError) as error:
            if len(batch) > 1:
                for item in batch:  # one by one, to skip only the item that cannot be recorded
                    await self._record([item])
                return
            await self._set_aside(batch[0], error)

    async def _record_lost(self, item: _Item, error: StatementLost) -> None:
        """Try an item again with which the connection ended; then with less text; then set it aside."""
        pause = FIRST_PAUSE
        shorter = [item.shortened()] if isinstance(item, ReceivedMessage) else []
        for attempt in (*[item] * LOST_RETRIES, *shorter):
            pause = await pause_before_retry(pause)
            try:
                self._recorded(*await self._recorder.record([attempt], now=self._now(), lease=self._lease))
            except StatementLost:
                if not await self._recorder.answers():
                    raise
            else:
                if attempt is not item:
                    self._faults.note(
                        "not_recorded", self._session, "the database takes only the beginning of a message; see the log"
                    )
                    _log.error("%s: a message is recorded in part: %s", self._session, error.text)
                return
        await self._set_aside(item, error)

    async def _set_aside(self, item: _Item, error: Exception) -> None:
        _log.error("%s: a message cannot be recorded and is skipped.", self._session, exc_info=error)
        self._faults.note("not_recorded", self._session, "a message cannot be recorded; see the log")
        if (position := item if isinstance(item, StreamPosition) else item.position) is not None:
            await self._recorder.record([position], now=self._now(), lease=self._lease)

    def _gap(self, gap: Gap) -> None:
        missing = "an unknown number of" if gap.missing is None else str(gap.missing)
        self._faults.note("gap", f"{gap.session}/{gap.stream}", f"{missing} items are missing ({gap.reason})")


def _size_of(item: _Item) -> int:
    if isinstance(item, MessageMark):
        return 4 * len(item.body.encode("utf-8", "replace")) + STATEMENT_OVERHEAD
    return item.size if isinstance(item, ReceivedMessage) else STATEMENT_OVERHEAD
