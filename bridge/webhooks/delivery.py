"""Delivery of one session's journal to one webhook: in order within a chat, chats beside each other.

At least once: an item is settled on disk before the next one of its chat is posted. The cursor moves over the items up
to the first that is not settled; those settled beyond it are stored one by one. So only an item whose post was in
progress when the process died is posted again, with the same delivery id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from bridge.contract.jid import mask
from bridge.contract.messages import Stream, trace_of
from bridge.ports import (
    Clock,
    DeadLetter,
    Failure,
    Journal,
    PostAnswer,
    StoreUnusable,
    Webhook,
    WebhookPost,
    WebhookRepository,
)
from bridge.webhooks.delivery_log import DeliveryLog, PostRecord, PostResult
from bridge.webhooks.headers import WebhookDelivery
from bridge.webhooks.lanes import HeldItem, Lanes, LaneWidth
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.loop_turns import LoopTurns
from bridge.webhooks.page_cache import Item, PageCache
from bridge.webhooks.retry_policy import (
    THROTTLED,
    Circuit,
    PostVerdict,
    addresses_of,
    describe,
    includes,
    is_taken,
    judge,
    retry_pause,
)

_log = logging.getLogger(__name__)


class ConcurrencyLimit:
    """Bounds the posts in progress in the whole bridge; webhooks whose last post failed have their own bound."""

    def __init__(self, limits: WebhookLimits) -> None:
        self._healthy = asyncio.Semaphore(limits.posts)
        self._failing = asyncio.Semaphore(limits.failing_posts)

    @asynccontextmanager
    async def slot(self, *, failing: bool) -> AsyncIterator[None]:
        async with self._failing if failing else self._healthy:
            yield


@dataclass(slots=True)
class WebhookHealth:
    """The state of a webhook; times are unix seconds.

    `positions`: the item of each stream up to which all are settled; `ahead`: how many beyond it are settled too.
    `posting`: posts in progress. `failures` are in a row; `delivered` counts since the session's store was opened.
    """

    open_after: int
    failures: int = 0
    delivered: int = 0
    posting: int = 0
    last_error: str | None = None
    last_status: int | None = None
    last_failure: Failure | None = None
    last_delivery_at: float | None = None
    next_attempt_at: float | None = None
    positions: dict[Stream, int] = field(default_factory=dict)
    ahead: dict[Stream, int] = field(default_factory=dict)

    @property
    def circuit(self) -> Circuit:
        """Open after `open_after` failures in a row."""
        if self.failures < self.open_after:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self.posting else Circuit.OPEN


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What all workers of the bridge share."""

    repository: WebhookRepository
    poster: WebhookPost
    clock: Clock
    concurrency: ConcurrencyLimit
    random: Callable[[], float]
    legacy_groups: bool
    limits: WebhookLimits
    turns: LoopTurns
    log: DeliveryLog = field(default_factory=DeliveryLog)


class WebhookWorker:
    """Delivers to one webhook. `run` ends after `close`, once the posts in progress are answered."""

    def __init__(
        self, webhook: Webhook, journal: Journal, pages: PageCache, context: DeliveryContext, health: WebhookHealth
    ) -> None:
        self.webhook = webhook
        self.health = health
        self._journal = journal
        self._pages = pages
        self._context = context
        self._filter = webhook.filter
        if webhook.legacy and not context.legacy_groups:
            self._filter = replace(self._filter, groups=False)
        self._lanes = Lanes()
        self._width = LaneWidth(context.limits, context.poster.timeout(legacy=webhook.legacy))
        self._stored: dict[Stream, int] = {}  # the cursors on disk
        self._running = 0
        self._probes = 0  # posts that failed while the circuit was open
        self._not_before = 0.0  # on the loop's clock: no post starts earlier
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()

    def wake(self) -> None:
        """End the current pauses: try at once."""
        self._lanes.wake()
        self._not_before = 0.0
        self._pulse()

    def close(self) -> None:
        self._closing.set()
        self._pulse()

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        async with asyncio.TaskGroup() as tasks:
            following = [
                tasks.create_task(self._follow(stream), name=f"{self.webhook.reader} {stream}")
                for stream in self._filter.streams
            ]
            tasks.create_task(self._start_posts(tasks), name=f"{self.webhook.reader} posts")
            await self._closing.wait()
            for task in following:
                task.cancel()

    def _pulse(self) -> None:
        """Wake every task that waits for a change; each looks at the state before it waits again."""
        self._changed.set()
        self._changed.clear()

    async def _follow(self, stream: Stream) -> None:
        reader, start, journal, lanes = self.webhook.reader, self.webhook.start, self._journal, self._lanes
        position = await journal.cursor(reader, stream)
        ahead = await journal.settled(reader, stream)
        if start is not None and start.epoch == journal.epoch:
            position = max(position, start.of(stream))
        lanes.begin(stream, position)
        self._stored[stream] = position
        while True:
            self._show(stream)
            if self._stored[stream] < lanes.settled(stream) and journal.bounds(stream).last <= position:
                self._stored[stream] = lanes.settled(stream)  # excluded items need not be read after a restart
                await journal.move_cursor(reader, stream, self._stored[stream])
            await self._pages.beyond(stream, position)
            while lanes.held + self._context.limits.page > self._context.limits.held:
                await self._changed.wait()
            for item in await self._pages.after(stream, position):
                if item.seq > position + 1:
                    _log.warning("%s: %s %d to %d are no longer kept", reader, stream, position + 1, item.seq - 1)
                if item.seq not in ahead and includes(self._filter, stream, item.fields):
                    lanes.add(stream, item.seq, addresses_of(item.fields))
                else:
                    lanes.skip(stream, item.seq)
                position = item.seq
            self._pulse()

    async def _start_posts(self, tasks: asyncio.TaskGroup) -> None:
        """Start a post whenever one may start, until `close`."""
        clock = asyncio.get_running_loop().time
        while not self._closing.is_set():
            now = clock()
            while now >= self._not_before and self._running < self._most:
                # While the circuit is open, one item that the receiver cannot process must not keep the others away.
                held = self._lanes.take(now, fresh_first=self.health.circuit is not Circuit.CLOSED)
                if held is None:
                    break
                self._running += 1
                tasks.create_task(self._attempt(held), name=f"{self.webhook.reader} {held.stream} {held.seq}")
            due, pause = self._lanes.due(), None
            if due is not None and self._running < self._most:
                pause = max(due, self._not_before) - now
            self.health.next_attempt_at = None if pause is None else self._context.clock.now() + pause
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    @property
    def _most(self) -> int:
        """Posts that may be in progress: one while the circuit is open."""
        return self._width.posts if self.health.circuit is Circuit.CLOSED else 1

    async def _attempt(self, held: HeldItem) -> None:
        """Post an item once, then settle or postpone it."""
        try:
            await self._context.turns.take()
            probing = self.health.circuit is not Circuit.CLOSED
            at, posted = self._context.clock.now(), await self._post(held)
            if posted is None:
                await self._settle(held)
                return
            item, answer, seconds = posted
            await self._context.turns.take()  # many answers may come at once
            held.taken += is_taken(answer)
            verdict = judge(answer, held.taken, self._context.limits, legacy=self.webhook.legacy)
            self._record(answer, verdict)
            if verdict is PostVerdict.REFUSED and not await self._dead_letter(held, answer):
                verdict = PostVerdict.RETRY
            result = PostResult[verdict.name]
            where = (held.stream, held.seq, held.attempts)
            self._context.log.add(self.webhook.id, PostRecord.of(answer, result, at, seconds, *where))
            _log.log(
                logging.DEBUG if verdict is PostVerdict.DELIVERED else logging.INFO,
                "%s: %s %d: %s",
                *(self.webhook.reader, held.stream, item.seq, verdict.name.lower()),
                extra={"session": self.webhook.session, "trace": trace_of(item.fields) or str(item.seq)},
            )
            if verdict is PostVerdict.RETRY:
                self._postpone(held, answer, probing=probing)
            else:
                await self._settle(held)
        finally:
            self._running -= 1
            self._pulse()

    async def _as_it_is_now(self, held: HeldItem) -> Item | None:
        """The item; None if it is gone, or was erased while it waited."""
        item = await self._pages.item(held.stream, held.seq)
        return item if item is not None and includes(self._filter, held.stream, item.fields) else None

    async def _post(self, held: HeldItem) -> tuple[Item, PostAnswer, float] | None:
        """Post an item; returns it, the answer and its seconds, or None if there is nothing to post any more."""
        health, webhook = self.health, self.webhook
        async with self._context.concurrency.slot(failing=health.failures > 0):
            item = await self._as_it_is_now(held)  # not before: a slot may take long
            if item is None:
                return None
            held.attempts += 1
            delivery = WebhookDelivery(webhook.id, webhook.session, held.stream, self._journal.epoch, item.seq)
            headers = delivery.headers(item.body, attempt=held.attempts, secret=webhook.secret)
            health.posting += 1
            clock = asyncio.get_running_loop().time
            begun = clock()
            try:
                answer = await self._context.poster.post(webhook.url, item.body, headers, legacy=webhook.legacy)
            finally:
                health.posting -= 1
        seconds = clock() - begun
        if answer.status is not None or answer.failure is Failure.TIMED_OUT:
            self._width.note(seconds)
        return item, answer, seconds

    async def _settle(self, held: HeldItem) -> None:
        upto = self._lanes.settle(held)
        self._stored[held.stream] = max(upto, self._stored[held.stream])
        await self._journal.settle(self.webhook.reader, held.stream, held.seq, upto)
        await self._context.turns.take()  # many may share a commit
        self._lanes.release(held)
        self._show(held.stream)

    def _postpone(self, held: HeldItem, answer: PostAnswer, *, probing: bool) -> None:
        now, random, limits = asyncio.get_running_loop().time(), self._context.random(), self._context.limits
        until = now + retry_pause(held.attempts, answer, random, limits)
        self._lanes.postpone(held, until)
        if answer.retry_after is not None and answer.status in THROTTLED:  # the receiver means all posts
            self._not_before = max(self._not_before, until)
        if self.health.circuit is not Circuit.CLOSED:
            self._probes += probing
            self._not_before = max(self._not_before, now + limits.retry.pause(max(1, self._probes), random))

    def _show(self, stream: Stream) -> None:
        self.health.positions[stream] = self._lanes.settled(stream)
        self.health.ahead[stream] = self._lanes.ahead(stream)

    def _record(self, answer: PostAnswer, verdict: PostVerdict) -> None:
        health, now = self.health, self._context.clock.now()
        before = health.circuit
        health.last_status, health.last_failure = answer.status, answer.failure
        if verdict is PostVerdict.DELIVERED:
            health.failures, health.last_error = 0, None
            health.delivered += 1
            health.last_delivery_at = now
        else:
            # A receiver that refuses an item works; one that does not answer fails, also at the item's last post.
            refused = verdict is PostVerdict.REFUSED and answer.status is not None
            health.failures = 0 if refused else health.failures + 1
            health.last_error = describe(answer)
        if verdict is not PostVerdict.RETRY:
            self._probes = 0
        if health.circuit is Circuit.CLOSED and before is not Circuit.CLOSED:  # it works again
            self.wake()
        if health.circuit is not before:
            _log.warning("%s: circuit %s. %s", self.webhook.reader, health.circuit, health.last_error or "")

    async def _dead_letter(self, held: HeldItem, answer: PostAnswer) -> bool:
        """Store a refused item as a dead letter, unless it was erased meanwhile; False if it could not be stored."""
        webhook, item = self.webhook, await self._as_it_is_now(held)  # the post may have taken long
        if item is None:
            return True
        dead_letter = DeadLetter(
            webhook_id=webhook.id,
            session=webhook.session,
            url=webhook.url,
            stream=held.stream,
            epoch=self._journal.epoch,
            seq=item.seq,
            body=item.body.decode(),
            attempts=held.attempts,
            status=answer.status,
            error=describe(answer),
            failure=answer.failure,
            at=self._context.clock.now(),
        )
        try:
            await self._context.repository.put_dead_letter(dead_letter)
        except StoreUnusable as error:
            _log.error("%s: a dead letter could not be stored; the item is posted again: %s", webhook.reader, error)
            return False
        chat = mask(item.fields.get("chat") or "")
        where = (webhook.reader, held.stream, item.seq, chat)
        _log.warning("%s: %s %d of %s is a dead letter: %s", *where, dead_letter.error)
        return True
