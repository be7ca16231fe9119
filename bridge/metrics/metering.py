"""Measures from outside: wraps the ports, so that neither the core nor the stores know that they are counted.

Each wrapper hands every call on unchanged. What it remembers for the times is bounded, and lost with the process.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.topics import Leaf
from bridge.ports import (
    Bounds,
    Change,
    Claim,
    Claimed,
    Clock,
    Journal,
    JournalRecord,
    Metrics,
    NewNotice,
    Notice,
    Outbox,
    OutboxRow,
    PostAnswer,
    PostOutcome,
    Step,
    StreamPage,
    WebhookPost,
)

#: Items on their way whose times are remembered.
REMEMBERED = 10_000
#: The cursor whose moves are PUBACKs.
MQTT = "mqtt"
_AFTER = {SendState.DEVICE: Step.DELIVER, SendState.READ: Step.READ}


class MeteredJournal(Journal):
    """A `Journal` whose appends and PUBACKs are counted and timed."""

    def __init__(self, session: str, journal: Journal, metrics: Metrics, clock: Clock) -> None:
        self._session = session
        self._journal = journal
        self._metrics = metrics
        self._clock = clock
        self._stored: dict[Stream, deque[tuple[int, float]]] = {stream: deque(maxlen=REMEMBERED) for stream in Stream}
        self._acknowledged: dict[Stream, int] = {}

    @property
    @override
    def epoch(self) -> str:
        return self._journal.epoch

    @property
    @override
    def remembers_from(self) -> int:
        return self._journal.remembers_from

    @property
    @override
    def last_inbound_at(self) -> float | None:
        return self._journal.last_inbound_at

    @override
    async def append(self, records: Sequence[JournalRecord]) -> list[int | None]:
        """Append, counted by type."""
        begun = self._clock.monotonic()
        numbers = await self._journal.append(records)
        done = self._clock.monotonic()
        for record, seq in zip(records, numbers, strict=True):
            if seq is not None:
                self._metrics.received(self._session, Stream.IN, record.type)
                self._metrics.took(self._session, Step.JOURNAL, done - begun)
                self._stored[Stream.IN].append((seq, done))
        if repeated := numbers.count(None):
            self._metrics.repeated(self._session, repeated)
        return numbers

    @override
    async def append_event(self, body: str, *, once: str | None = None) -> int | None:
        """Append, counted by kind."""
        seq = await self._journal.append_event(body, once=once)
        if seq is not None:
            self._metrics.received(self._session, Stream.EVENT, str(json.loads(body).get("kind")))
            self._stored[Stream.EVENT].append((seq, self._clock.monotonic()))
        return seq

    @override
    async def read(self, stream: Stream, after: int, limit: int) -> StreamPage:
        return await self._journal.read(stream, after, limit)

    @override
    def bounds(self, stream: Stream) -> Bounds:
        return self._journal.bounds(stream)

    @override
    async def wait_beyond(self, stream: Stream, seq: int) -> None:
        await self._journal.wait_beyond(stream, seq)

    @override
    async def cursor(self, reader: str, stream: Stream) -> int:
        seq = await self._journal.cursor(reader, stream)
        if reader == MQTT:
            self._acknowledged.setdefault(stream, seq)
        return seq

    @override
    async def move_cursor(self, reader: str, stream: Stream, seq: int) -> None:
        """Move; MQTT's cursor moves over what has a PUBACK."""
        now = self._clock.monotonic()
        await self._journal.move_cursor(reader, stream, seq)
        if reader != MQTT:
            return
        before = self._acknowledged.get(stream, seq)
        self._acknowledged[stream] = max(before, seq)
        self._metrics.published(self._session, stream, max(0, seq - before))
        stored = self._stored[stream]
        while stored and stored[0][0] <= seq:
            _, at = stored.popleft()
            self._metrics.took(self._session, Step.PUBLISH, now - at)

    @override
    async def forget_cursor(self, reader: str) -> None:
        await self._journal.forget_cursor(reader)

    @override
    async def watermarks(self) -> dict[str, int]:
        return await self._journal.watermarks()

    @override
    async def add_alias(self, lid: str, pn: str) -> None:
        await self._journal.add_alias(lid, pn)


class MeteredOutbox(Outbox):
    """An `Outbox` whose claims and steps are counted and timed."""

    def __init__(self, session: str, outbox: Outbox, metrics: Metrics, clock: Clock) -> None:
        self._session = session
        self._outbox = outbox
        self._metrics = metrics
        self._clock = clock
        self._reached: OrderedDict[int, float] = OrderedDict()  # number -> when it reached its state

    @property
    @override
    def open_count(self) -> int:
        return self._outbox.open_count

    @override
    async def claim(
        self, claim: Claim, accepted: NewNotice, taken: Callable[[OutboxRow], None] | None = None
    ) -> Claimed:
        """Claim, counted when it is new."""
        begun = self._clock.monotonic()
        claimed = await self._outbox.claim(claim, accepted, taken)
        if claimed.fresh:
            self._metrics.took(self._session, Step.CLAIM, self._clock.monotonic() - begun)
            self._metrics.reached(self._session, SendState.ACCEPTED)
        return claimed

    @override
    async def change(self, number: int, change: Change) -> OutboxRow:
        """Take a step, counted by the state that it leads to."""
        row = await self._outbox.change(number, change)
        if row.state not in (SendState.ACCEPTED, SendState.SENDING):
            self._metrics.reached(self._session, row.state, row.error_code)
            before = self._reached.pop(number, None)
            if row.state is SendState.SENT:
                self._metrics.took(self._session, Step.SEND, max(0.0, change.at - row.claim.claimed_at))
            elif row.state in _AFTER and before is not None:
                self._metrics.took(self._session, _AFTER[row.state], max(0.0, change.at - before))
            if row.state in (SendState.SENT, SendState.DEVICE):
                self._reached[number] = change.at
                if len(self._reached) > REMEMBERED:
                    self._reached.popitem(last=False)
        return row

    @override
    async def get(self, command_id: str) -> OutboxRow | None:
        return await self._outbox.get(command_id)

    @override
    async def settled(self, command_id: str) -> OutboxRow | None:
        return await self._outbox.settled(command_id)

    @override
    async def of_message(self, raw_id: str) -> OutboxRow | None:
        return await self._outbox.of_message(raw_id)

    @override
    async def has_sent(self, raw_id: str) -> bool:
        return await self._outbox.has_sent(raw_id)

    @override
    async def open_rows(self) -> list[OutboxRow]:
        return await self._outbox.open_rows()

    @override
    async def recent(
        self, before: int | None, limit: int, states: frozenset[SendState] | None = None
    ) -> list[OutboxRow]:
        return await self._outbox.recent(before, limit, states)

    @override
    async def notify(self, *notices: NewNotice) -> None:
        await self._outbox.notify(*notices)

    @override
    async def report_once(self, key: str, notice: NewNotice) -> bool:
        return await self._outbox.report_once(key, notice)

    @override
    async def unpublished(self, after: int, limit: int) -> list[Notice]:
        return await self._outbox.unpublished(after, limit)

    @override
    async def published(self, numbers: Sequence[int]) -> None:
        await self._outbox.published(numbers)

    @override
    async def wait_notices(self, beyond: int) -> None:
        await self._outbox.wait_notices(beyond)


class MeteredPost:
    """A `WebhookPost` whose posts are counted and timed, by the session that the headers name."""

    def __init__(self, post: WebhookPost, metrics: Metrics, clock: Clock, session_header: str) -> None:
        self._post = post
        self._metrics = metrics
        self._clock = clock
        self._header = session_header

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostAnswer:
        begun = self._clock.monotonic()
        answer = await self._post.post(url, body, headers)
        session = headers.get(self._header, "")
        self._metrics.posted(session, outcome_of(answer))
        self._metrics.took(session, Step.WEBHOOK, self._clock.monotonic() - begun)
        return answer


def outcome_of(answer: PostAnswer) -> PostOutcome:
    """What an answer means for the count."""
    if answer.status is None or answer.status >= 500:
        return PostOutcome.FAILED
    return PostOutcome.DELIVERED if 200 <= answer.status < 300 else PostOutcome.REFUSED


class Tee:
    """Tells several who count."""

    def __init__(self, *counters: Metrics) -> None:
        self._counters = counters

    def received(self, session: str, stream: Stream, kind: str, count: int = 1) -> None:
        for one in self._counters:
            one.received(session, stream, kind, count)

    def repeated(self, session: str, count: int) -> None:
        for one in self._counters:
            one.repeated(session, count)

    def published(self, session: str, stream: Stream, count: int) -> None:
        for one in self._counters:
            one.published(session, stream, count)

    def reached(self, session: str, state: SendState, code: str | None = None) -> None:
        for one in self._counters:
            one.reached(session, state, code)

    def posted(self, session: str, outcome: PostOutcome) -> None:
        for one in self._counters:
            one.posted(session, outcome)

    def empty(self, session: str, leaf: Leaf) -> None:
        for one in self._counters:
            one.empty(session, leaf)

    def took(self, session: str, step: Step, seconds: float) -> None:
        for one in self._counters:
            one.took(session, step, seconds)
