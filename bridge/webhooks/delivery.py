"""Delivery of one session's journal to its webhooks, item after item, each until it is delivered or refused for good.

At least once and in order: the cursor moves past an item before the next is posted. An item whose post was in flight
when the process died is posted again, with the same delivery id. One worker runs per webhook while the session's store
is open; the registry starts and ends them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bridge.contract.backoff import Backoff
from bridge.contract.jid import mask
from bridge.contract.messages import Stream, trace_of
from bridge.ports import (
    Clock,
    DeadLetter,
    Failure,
    Journal,
    Position,
    PostAnswer,
    StoreUnusable,
    Webhook,
    WebhookRepository,
)
from bridge.ports import WebhookPost as Post
from bridge.webhooks.headers import Delivered
from bridge.webhooks.page_cache import Item, PageCache
from bridge.webhooks.retry_policy import OPENS_AFTER, RETRY, Circuit, PostVerdict, describe, judge, pause, wants

_log = logging.getLogger(__name__)
#: Posts under way at once. Listeners that failed last share a few of their own: those that hang must not take the
#: place of those that answer.
SLOTS, AILING_SLOTS = 128, 16


class ConcurrencyLimit:
    """Bounds the posts under way in the whole bridge."""

    def __init__(self) -> None:
        self._sound = asyncio.Semaphore(SLOTS)
        self._ailing = asyncio.Semaphore(AILING_SLOTS)

    @asynccontextmanager
    async def one(self, *, ailing: bool) -> AsyncIterator[None]:
        async with self._ailing if ailing else self._sound:
            yield


@dataclass(slots=True)
class WebhookHealth:
    """How a listener is. `at` = the last item of each stream that is done with; times are unix seconds."""

    failures: int = 0
    delivered: int = 0
    posting: bool = False
    last_error: str | None = None
    last_status: int | None = None
    last_failure: Failure | None = None
    last_delivery_at: float | None = None
    next_attempt_at: float | None = None
    at: dict[Stream, int] = field(default_factory=dict)

    @property
    def circuit(self) -> Circuit:
        """Open after several failures in a row."""
        if self.failures < OPENS_AFTER:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self.posting else Circuit.OPEN


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What every reading of the bridge shares."""

    book: WebhookRepository
    post: Post
    clock: Clock
    slots: ConcurrencyLimit
    random: Callable[[], float]
    legacy_groups: bool
    backoff: Backoff = RETRY


class WebhookWorker:
    """Reads for one listener. `run` ends after `close`, once the post under way is answered."""

    def __init__(
        self, listener: Webhook, journal: Journal, pages: PageCache, means: DeliveryContext, standing: WebhookHealth
    ) -> None:
        self.listener = listener
        self.standing = standing
        self._journal = journal
        self._pages = pages
        self._means = means
        self._choice = listener.choice
        if listener.legacy and not means.legacy_groups:
            self._choice = replace(self._choice, groups=False)
        self._turn = asyncio.Lock()  # held from a post to the cursor behind it: one item at a time
        self._woken = asyncio.Event()
        self._closing = asyncio.Event()

    def wake(self) -> None:
        """Try at once: there is news of the listener."""
        self._woken.set()

    def close(self) -> None:
        self._closing.set()

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        async with asyncio.TaskGroup() as tasks:
            following = [
                tasks.create_task(self._follow(stream), name=f"{self.listener.reader} {stream}")
                for stream in self._choice.streams
            ]
            await self._closing.wait()
            async with self._turn:
                for task in following:
                    task.cancel()

    async def _follow(self, stream: Stream) -> None:
        listener, journal = self.listener, self._journal
        start = listener.start
        at = await journal.cursor(listener.reader, stream)
        if start is not None and start.epoch == journal.epoch:
            at = max(at, start.of(stream))
        moved = at
        while True:
            self.standing.at[stream] = at
            if journal.bounds(stream).last <= at:
                if moved < at:  # what was not wanted need not be read again after a restart
                    await journal.move_cursor(listener.reader, stream, at)
                    moved = at
                await journal.wait_beyond(stream, at)
            for item in await self._pages.after(stream, at):
                if item.seq > at + 1:
                    _log.warning("%s: %s %d to %d are no longer kept", listener.reader, stream, at + 1, item.seq - 1)
                at_once = True
                if wants(self._choice, stream, item.fields):
                    at_once = await self._deliver(stream, item)
                    moved = item.seq
                self.standing.at[stream] = at = item.seq
                if not at_once:  # the rest of the page is old, and may have been erased meanwhile
                    break

    async def _deliver(self, stream: Stream, item: Item) -> bool:
        """Post until it is settled; whether one post was enough."""
        listener, standing = self.listener, self.standing
        attempts = 0
        while True:
            attempts += 1
            self._woken.clear()
            async with self._turn:
                answer = await self._post(stream, item, attempts)
                verdict = judge(answer, attempts)
                if verdict is PostVerdict.REFUSED and not await self._bury(stream, item, attempts, answer):
                    verdict = PostVerdict.RETRY
                _log.log(
                    logging.DEBUG if verdict is PostVerdict.DELIVERED else logging.INFO,
                    "%s: %s %d: %s",
                    *(listener.reader, stream, item.seq, verdict.name.lower()),
                    extra={"session": listener.session, "trace": trace_of(item.fields) or str(item.seq)},
                )
                if verdict is not PostVerdict.RETRY:
                    await self._journal.move_cursor(listener.reader, stream, item.seq)
            if verdict is not PostVerdict.RETRY:
                return attempts == 1
            wait = pause(standing.failures, answer, self._means.random(), self._means.backoff)
            standing.next_attempt_at = self._means.clock.now() + wait
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                pass
            there = next(iter(await self._pages.after(stream, item.seq - 1)), None)
            if there is None or there.seq != item.seq or not wants(self._choice, stream, there.fields):
                await self._journal.move_cursor(listener.reader, stream, item.seq)
                return False
            item = there

    async def _post(self, stream: Stream, item: Item, attempts: int) -> PostAnswer:
        standing, listener = self.standing, self.listener
        delivered = Delivered(listener.id, listener.session, stream, self._journal.epoch, item.seq)
        headers = delivered.headers(item.body, attempt=attempts, secret=listener.secret)
        async with self._means.slots.one(ailing=standing.failures > 0):
            standing.posting = True
            try:
                answer = await self._means.post.post(listener.url, item.body, headers)
            finally:
                standing.posting = False
        self._note(answer, judge(answer, attempts))
        return answer

    def _note(self, answer: PostAnswer, verdict: PostVerdict) -> None:
        standing, now = self.standing, self._means.clock.now()
        before = standing.circuit
        standing.last_status, standing.last_failure = answer.status, answer.failure
        standing.next_attempt_at = None
        if verdict is PostVerdict.DELIVERED:
            standing.failures, standing.last_error = 0, None
            standing.delivered += 1
            standing.last_delivery_at = now
        else:
            # One that answers is there, even if it answers no.
            standing.failures = 0 if verdict is PostVerdict.REFUSED else standing.failures + 1
            standing.last_error = describe(answer)
        if standing.circuit is not before:
            _log.warning("%s: circuit %s. %s", self.listener.reader, standing.circuit, standing.last_error or "")

    async def _bury(self, stream: Stream, item: Item, attempts: int, answer: PostAnswer) -> bool:
        listener = self.listener
        letter = DeadLetter(
            listener_id=listener.id,
            session=listener.session,
            url=listener.url,
            stream=stream,
            epoch=self._journal.epoch,
            seq=item.seq,
            body=item.body.decode(),
            attempts=attempts,
            status=answer.status,
            error=describe(answer),
            failure=answer.failure,
            at=self._means.clock.now(),
        )
        try:
            await self._means.book.bury(letter)
        except StoreUnusable as error:
            _log.error("%s: a dead letter could not be stored, so it is tried again: %s", listener.reader, error)
            return False
        chat = mask(item.fields.get("chat") or "")
        _log.warning("%s refused %s %d of %s: %s", listener.reader, stream, item.seq, chat, letter.error)
        return True


if TYPE_CHECKING:
    from bridge.webhooks.registry import WebhookRegistry

_log = logging.getLogger(__name__)
#: Seconds between two looks for listeners that are to be forgotten.
LOOK = 60.0


class SessionDeliveries:
    """Runs a `WebhookWorker` for each active webhook of a session. `run` ends after `close`, once posts have ended."""

    def __init__(self, listeners: WebhookRegistry, session: str, journal: Journal, means: DeliveryContext) -> None:
        self.session = session
        self.journal = journal
        self._listeners = listeners
        self._pages = PageCache(session, journal)
        self._means = means
        self._readings: dict[str, tuple[WebhookWorker, asyncio.Task[None]]] = {}
        self._standings: dict[str, WebhookHealth] = {}
        self._news = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def now(self) -> Position:
        """The position behind everything that is journalled."""
        bounds = self.journal.bounds
        return Position(self.journal.epoch, bounds(Stream.IN).last, bounds(Stream.EVENT).last)

    def close(self) -> None:
        self._closing.set()
        self._news.set()

    def look(self) -> None:
        self._news.set()

    def wake(self, listener_id: str) -> None:
        """Try this listener at once."""
        if listener_id in self._readings:
            self._readings[listener_id][0].wake()

    def standing(self, listener_id: str) -> WebhookHealth | None:
        """How a listener is, once it was read for."""
        return self._standings.get(listener_id)

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        # Before the first await: what is journalled from here on is for listeners that began at "now".
        await self._listeners.attach(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._closing.is_set():
                    self._news.clear()
                    self._follow_registry(tasks)
                    await self._forget_ended()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await self._news.wait()
                for reading, _ in self._readings.values():
                    reading.close()
        finally:
            self._listeners.detach(self)

    def _follow_registry(self, tasks: asyncio.TaskGroup) -> None:
        wanted = {listener.id: listener for listener in self._listeners.active(self.session) if listener.delivering}
        for listener_id, (reading, task) in list(self._readings.items()):
            if task.done():
                del self._readings[listener_id]
            elif wanted.get(listener_id) != reading.listener:
                reading.close()
        for listener_id, listener in wanted.items():
            if listener_id not in self._readings:  # one that still closes is waited for: two would post an item twice
                standing = self._standings.setdefault(listener_id, WebhookHealth())
                reading = WebhookWorker(listener, self.journal, self._pages, self._means, standing)
                task = tasks.create_task(self._read(reading), name=listener.reader)
                task.add_done_callback(lambda _: self._news.set())
                self._readings[listener_id] = reading, task

    async def _read(self, reading: WebhookWorker) -> None:
        """Run a reading; a fault of ours in one is no reason to end the session and the other readings."""
        try:
            await reading.run()
        except* StoreUnusable:
            raise
        except* Exception:  # noqa: BLE001 - logged whole, and begun anew at the next look
            _log.exception("%s: the reading failed and begins anew in a while", reading.listener.reader)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._closing.wait()

    async def _forget_ended(self) -> None:
        try:
            for listener in await self._listeners.forget_ended(self.session):
                await self.journal.forget_cursor(listener.reader)
                self._standings.pop(listener.id, None)
        except StoreUnusable as error:
            _log.error("%s: listeners that ended could not be forgotten: %s", self.session, error)
