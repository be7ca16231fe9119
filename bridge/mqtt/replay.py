"""Replays: publishes stored items again, page by page, on the topic of the reader that requested them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from bridge.broker import BrokerConnection
from bridge.contract.commands import ReplayRequest
from bridge.contract.errors import CodedError
from bridge.contract.messages import ErrorInfo, ReplayEnd, Stream, in_stream
from bridge.contract.topics import Topics
from bridge.core.results import error_info
from bridge.ports import Bounds, Journal

_log = logging.getLogger(__name__)
#: Queued requests. A reader repeats a request without an answer, so the oldest may be dropped.
MAX_QUEUED = 100
#: Items per read from the store within a page.
CHUNK = 200


@dataclass(frozen=True, slots=True)
class _Refusal:
    reader: str
    request: str
    error: ErrorInfo
    stream: Stream = Stream.IN


class Replayer:
    """Answers the replay requests of one connection, one at a time."""

    def __init__(self, session: str, journal: Journal, topics: Topics, connection: BrokerConnection) -> None:
        self._session = session
        self._journal = journal
        self._topics = topics
        self._connection = connection
        self._requests: deque[ReplayRequest | _Refusal] = deque(maxlen=MAX_QUEUED)
        self._queued = asyncio.Event()

    def ask(self, request: ReplayRequest) -> None:
        """Queue a request; it replaces a queued one of the same reader and stream."""
        for waiting in list(self._requests):
            if (waiting.reader, waiting.stream) == (request.reader, request.stream):
                self._requests.remove(waiting)
        self._requests.append(request)
        self._queued.set()

    def refuse(self, reader: str, request: str, error: CodedError) -> None:
        """Queue the answer to an invalid request."""
        self._requests.append(_Refusal(reader, request, error_info(error)))
        self._queued.set()

    async def run(self) -> None:
        """Answer until the connection ends. Raises BrokerDown."""
        while True:
            self._queued.clear()
            while self._requests:
                await self._answer(self._requests.popleft())
            await self._queued.wait()

    async def _answer(self, request: ReplayRequest | _Refusal) -> None:
        topic = self._topics.replay(self._session, request.reader)
        if isinstance(request, _Refusal):
            await self._connection.publish(topic, self._end(request, None, gap=False, error=request.error).to_json())
            return
        after = request.after.seq if request.after and request.after.epoch == self._journal.epoch else 0
        gap = request.after is not None and has_gap(after, self._journal.bounds(request.stream))
        sent, left = after, request.limit
        while left:
            page = await self._journal.read(request.stream, sent, min(left, CHUNK))
            if not page.items:
                break
            await asyncio.gather(
                *(
                    self._connection.publish(
                        topic, in_stream(request.stream, self._session, self._journal.epoch, seq, body)
                    )
                    for seq, body in page.items
                )
            )
            sent = page.items[-1][0]
            left -= len(page.items)
        more = sent < self._journal.bounds(request.stream).last
        await self._connection.publish(topic, self._end(request, sent if more else None, gap=gap).to_json())
        _log.debug("%s: replayed %d to %d for %s", self._session, after + 1, sent, request.reader)

    def _end(
        self, request: ReplayRequest | _Refusal, following: int | None, *, gap: bool, error: ErrorInfo | None = None
    ) -> ReplayEnd:
        bounds = self._journal.bounds(request.stream)
        return ReplayEnd(
            session=self._session,
            request=request.request,
            stream=request.stream,
            epoch=self._journal.epoch,
            first_seq=bounds.first,
            last_seq=bounds.last,
            next=following,
            gap=gap,
            error=error,
        )


def has_gap(after: int, bounds: Bounds) -> bool:
    """Whether items after a cursor are no longer kept. `bounds.first` is None for an emptied journal."""
    oldest = bounds.last + 1 if bounds.first is None else bounds.first
    return after + 1 < oldest
