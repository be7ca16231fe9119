"""Delivery of one session's journal to one webhook, item after item, each until it is delivered or refused.

At least once and in order: the cursor moves past an item before the next is posted. An item whose post was in progress
when the process died is posted again, with the same delivery id.
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
from bridge.webhooks.headers import WebhookDelivery
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.page_cache import Item, PageCache
from bridge.webhooks.retry_policy import Circuit, PostVerdict, describe, includes, is_taken, judge, retry_pause

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
    """The state of a webhook. `positions`: the last settled item of each stream; times are unix seconds.

    `failures` are in a row; `delivered` counts since the session's store was opened.
    """

    open_after: int
    failures: int = 0
    delivered: int = 0
    posting: bool = False
    last_error: str | None = None
    last_status: int | None = None
    last_failure: Failure | None = None
    last_delivery_at: float | None = None
    next_attempt_at: float | None = None
    positions: dict[Stream, int] = field(default_factory=dict)

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


class WebhookWorker:
    """Delivers to one webhook. `run` ends after `close`, once the post in progress is answered."""

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
        self._in_flight = asyncio.Lock()  # held from a post until the cursor is stored: one item at a time
        self._woken = asyncio.Event()
        self._closing = asyncio.Event()

    def wake(self) -> None:
        """End the current pause: try at once."""
        self._woken.set()

    def close(self) -> None:
        self._closing.set()

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        async with asyncio.TaskGroup() as tasks:
            following = [
                tasks.create_task(self._follow(stream), name=f"{self.webhook.reader} {stream}")
                for stream in self._filter.streams
            ]
            await self._closing.wait()
            async with self._in_flight:
                for task in following:
                    task.cancel()

    async def _follow(self, stream: Stream) -> None:
        reader, start, journal = self.webhook.reader, self.webhook.start, self._journal
        position = await journal.cursor(reader, stream)
        if start is not None and start.epoch == journal.epoch:
            position = max(position, start.of(stream))
        stored = position
        while True:
            self.health.positions[stream] = position
            if journal.bounds(stream).last <= position:
                if stored < position:  # items that the filter excludes need not be read again after a restart
                    await journal.move_cursor(reader, stream, position)
                    stored = position
                await journal.wait_beyond(stream, position)
            for item in await self._pages.after(stream, position):
                if item.seq > position + 1:
                    _log.warning("%s: %s %d to %d are no longer kept", reader, stream, position + 1, item.seq - 1)
                first_try = True
                if includes(self._filter, stream, item.fields):
                    first_try = await self._deliver(stream, item)
                    stored = item.seq
                self.health.positions[stream] = position = item.seq
                if not first_try:  # the rest of the page is old by now, and may have been erased
                    break

    async def _deliver(self, stream: Stream, item: Item) -> bool:
        """Post until the item is settled; returns whether one post was enough."""
        webhook, health = self.webhook, self.health
        attempts = taken = 0
        while True:
            attempts += 1
            self._woken.clear()
            async with self._in_flight:
                answer = await self._post(stream, item, attempts)
                taken += is_taken(answer)
                verdict = judge(answer, taken, self._context.limits, legacy=webhook.legacy)
                self._record(answer, verdict)
                if verdict is PostVerdict.REFUSED and not await self._dead_letter(stream, item, attempts, answer):
                    verdict = PostVerdict.RETRY
                _log.log(
                    logging.DEBUG if verdict is PostVerdict.DELIVERED else logging.INFO,
                    "%s: %s %d: %s",
                    *(webhook.reader, stream, item.seq, verdict.name.lower()),
                    extra={"session": webhook.session, "trace": trace_of(item.fields) or str(item.seq)},
                )
                if verdict is not PostVerdict.RETRY:
                    await self._journal.move_cursor(webhook.reader, stream, item.seq)
            if verdict is not PostVerdict.RETRY:
                return attempts == 1
            pause = retry_pause(attempts, answer, self._context.random(), self._context.limits)
            health.next_attempt_at = self._context.clock.now() + pause
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            current = next(iter(await self._pages.after(stream, item.seq - 1)), None)
            if current is None or current.seq != item.seq or not includes(self._filter, stream, current.fields):
                await self._journal.move_cursor(webhook.reader, stream, item.seq)
                return False
            item = current

    async def _post(self, stream: Stream, item: Item, attempts: int) -> PostAnswer:
        health, webhook = self.health, self.webhook
        delivery = WebhookDelivery(webhook.id, webhook.session, stream, self._journal.epoch, item.seq)
        headers = delivery.headers(item.body, attempt=attempts, secret=webhook.secret)
        async with self._context.concurrency.slot(failing=health.failures > 0):
            health.posting = True
            try:
                return await self._context.poster.post(webhook.url, item.body, headers, legacy=webhook.legacy)
            finally:
                health.posting = False

    def _record(self, answer: PostAnswer, verdict: PostVerdict) -> None:
        health, now = self.health, self._context.clock.now()
        before = health.circuit
        health.last_status, health.last_failure = answer.status, answer.failure
        health.next_attempt_at = None
        if verdict is PostVerdict.DELIVERED:
            health.failures, health.last_error = 0, None
            health.delivered += 1
            health.last_delivery_at = now
        else:
            # A receiver that refuses an item works; one that does not answer fails, also at the item's last post.
            refused = verdict is PostVerdict.REFUSED and answer.status is not None
            health.failures = 0 if refused else health.failures + 1
            health.last_error = describe(answer)
        if health.circuit is not before:
            _log.warning("%s: circuit %s. %s", self.webhook.reader, health.circuit, health.last_error or "")

    async def _dead_letter(self, stream: Stream, item: Item, attempts: int, answer: PostAnswer) -> bool:
        """Store a refused item as a dead letter; returns whether it is stored."""
        webhook = self.webhook
        dead_letter = DeadLetter(
            webhook_id=webhook.id,
            session=webhook.session,
            url=webhook.url,
            stream=stream,
            epoch=self._journal.epoch,
            seq=item.seq,
            body=item.body.decode(),
            attempts=attempts,
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
        _log.warning("%s: %s %d of %s is a dead letter: %s", webhook.reader, stream, item.seq, chat, dead_letter.error)
        return True
