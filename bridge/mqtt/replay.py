"""Replays: publishes stored items again, page by page, on the topic of the reader that requested them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial

from bridge.broker import MessageRefused
from bridge.contract.errors import Cancelled, CodedError, LimitReached
from bridge.contract.messages import ErrorInfo, ReplayEnd, Stream, without_content
from bridge.contract.replays import ReplayRequest
from bridge.contract.topics import Topics
from bridge.core.results import error_info
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.oversized import fitting_items
from bridge.mqtt.publisher import SessionPublisher
from bridge.ports import Bounds, Journal

_log = logging.getLogger(__name__)
#: Refusals wait in a queue of their own: each is one message.
MAX_REFUSALS = 10_000


@dataclass(slots=True)
class _Page:
    """A request that is being answered, up to `sent`."""

    request: ReplayRequest
    sent: int
    left: int
    gap: bool


@dataclass(frozen=True, slots=True)
class _Refusal:
    reader: str
    request: str
    error: ErrorInfo
    stream: Stream = Stream.IN


class Replayer:
    """Answers the replay requests of one connection, or refuses them. Readers take turns."""

    def __init__(
        self, session: str, journal: Journal, topics: Topics, publisher: SessionPublisher, limits: MqttLimits
    ) -> None:
        self._limits = limits
        self._session = session
        self._journal = journal
        self._topics = topics
        self._publisher = publisher
        self._pages: OrderedDict[tuple[str, Stream], _Page] = OrderedDict()  # the next turn first
        self._refusals: deque[_Refusal] = deque(maxlen=MAX_REFUSALS)
        self._queued = asyncio.Event()

    def ask(self, request: ReplayRequest) -> None:
        """Queue a request; it replaces another one of the same reader and stream, which is then refused."""
        key = request.reader, request.stream
        replaced = self._pages.get(key)
        if replaced is None and len(self._pages) >= self._limits.replays:
            self._refuse(request, LimitReached("Too many readers ask for a replay; try again in a moment."))
            return
        if replaced is not None and replaced.request.request != request.request:
            self._refuse(replaced.request, Cancelled("A later request of this reader replaces this one."))
        after = request.after.seq if request.after and request.after.epoch == self._journal.epoch else 0
        gap = request.after is not None and has_gap(after, self._journal.bounds(request.stream))
        self._pages[key] = _Page(request, after, request.limit, gap)
        self._queued.set()

    def refuse(self, reader: str, request: str, error: CodedError) -> None:
        """Queue the answer to an invalid request."""
        self._refusals.append(_Refusal(reader, request, error_info(error)))
        self._queued.set()

    def _refuse(self, request: ReplayRequest, error: CodedError) -> None:
        self._refusals.append(_Refusal(request.reader, request.request, error_info(error), request.stream))
        self._queued.set()

    async def run(self) -> None:
        """Answer until the connection ends. Raises BrokerDown."""
        while True:
            self._queued.clear()
            while self._refusals or self._pages:
                if self._pages:
                    await self._take_turn()
                await self._publish_refusals()
            await self._queued.wait()

    async def _publish_refusals(self) -> None:
        refusals = [self._refusals.popleft() for _ in range(min(len(self._refusals), self._limits.replay_turn))]
        await asyncio.gather(
            *(
                self._publish_end(one.reader, self._end(one.stream, one.request, None, gap=False, error=one.error))
                for one in refusals
            )
        )

    async def _take_turn(self) -> None:
        key, page = next(iter(self._pages.items()))
        request = page.request
        topic = self._topics.replay(self._session, request.reader)
        found = await self._journal.read(request.stream, page.sent, min(page.left, self._limits.replay_turn))
        items = fitting_items(
            self._publisher.connection, topic, request.stream, self._session, self._journal.epoch, found.items
        )
        try:
            await self._publisher.publish_all(items, partial(without_content, request.stream), waits=False)
        except MessageRefused as refused:
            self._drop(refused)
            if self._pages.get(key) is page:
                del self._pages[key]
            return
        if found.items:
            page.sent = found.items[-1][0]
            page.left -= len(found.items)
        if self._pages.get(key) is not page:
            return  # replaced, and refused, meanwhile
        if found.items and page.left:
            self._pages.move_to_end(key)
            return
        del self._pages[key]
        more = page.sent < self._journal.bounds(request.stream).last
        end = self._end(request.stream, request.request, page.sent if more else None, gap=page.gap)
        await self._publish_end(request.reader, end)
        _log.debug("%s: replayed up to %d for %s", self._session, page.sent, request.reader)

    async def _publish_end(self, reader: str, end: ReplayEnd) -> None:
        try:
            await self._publisher.connection.publish(self._topics.replay(self._session, reader), end.to_json())
        except MessageRefused as refused:
            self._drop(refused)

    def _drop(self, refused: MessageRefused) -> None:
        """A reader asks again; the others, and the session, go on."""
        _log.warning("%s: a replay is not delivered: %s", self._session, refused.text)

    def _end(
        self, stream: Stream, request: str, following: int | None, *, gap: bool, error: ErrorInfo | None = None
    ) -> ReplayEnd:
        bounds = self._journal.bounds(stream)
        return ReplayEnd(
            session=self._session,
            request=request,
            stream=stream,
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
