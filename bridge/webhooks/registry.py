"""The webhooks of every session: where they are registered, changed and unregistered. Stored before it takes effect."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from bridge.ports import (
    Clock,
    DeadLetter,
    Journal,
    Position,
    PostAnswer,
    StoreUnusable,
    Webhook,
    WebhookFilter,
    WebhookPost,
    WebhookRepository,
)
from bridge.webhooks.delivery import ConcurrencyLimit, DeliveryContext, WebhookHealth
from bridge.webhooks.delivery_log import PostRecord, PostResult
from bridge.webhooks.example_delivery import example_of
from bridge.webhooks.headers import WebhookDelivery
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.loop_turns import LoopTurns
from bridge.webhooks.retry_policy import PostVerdict, describe, judge
from bridge.webhooks.session_deliveries import SessionDeliveries

_log = logging.getLogger(__name__)
#: Where a new webhook begins.
Start = Literal["now", "oldest"] | Position


class WebhookRegistry:
    """Call `load` before anything else."""

    def __init__(
        self,
        repository: WebhookRepository,
        poster: WebhookPost,
        clock: Clock,
        *,
        random: Callable[[], float],
        legacy_groups: bool = False,
        limits: WebhookLimits | None = None,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._limits = limits = limits or WebhookLimits()
        self.turns = LoopTurns(limits.pause)
        self._context = DeliveryContext(
            repository, poster, clock, ConcurrencyLimit(limits), random, legacy_groups, limits, self.turns
        )
        self._webhooks: dict[tuple[str, str], Webhook] = {}
        self._attached: dict[str, SessionDeliveries] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read the stored webhooks."""
        self._webhooks = {(webhook.session, webhook.url): webhook for webhook in await self._repository.webhooks()}

    def deliveries(self, session: str, journal: Journal) -> SessionDeliveries:
        """The deliveries of a session whose store is open."""
        return SessionDeliveries(self, session, journal, self._context)

    def active(self, session: str) -> list[Webhook]:
        """Registered webhooks of a session, oldest first, including paused ones."""
        return [webhook for webhook in self._webhooks.values() if webhook.session == session and webhook.active]

    def find(self, session: str, webhook_id: str) -> Webhook | None:
        """An active webhook by its id."""
        return next((webhook for webhook in self.active(session) if webhook.id == webhook_id), None)

    def health(self, webhook: Webhook) -> WebhookHealth | None:
        """The state of a webhook; None while its session's store is closed."""
        deliveries = self._attached.get(webhook.session)
        return deliveries.health(webhook.id) if deliveries else None

    def lag(self, webhook: Webhook) -> int | None:
        """Items journalled and not yet delivered or skipped; None while the session's store is closed."""
        deliveries = self._attached.get(webhook.session)
        health = deliveries.health(webhook.id) if deliveries else None
        if deliveries is None or health is None:
            return None
        return sum(
            max(0, deliveries.journal.bounds(stream).last - position - health.ahead[stream])
            for stream, position in health.positions.items()
        )

    async def register(
        self,
        session: str,
        url: str,
        *,
        legacy: bool = False,
        chosen: WebhookFilter | None = None,
        secret: str | None = None,
        start: Start = "now",
    ) -> Webhook:
        """Register a URL, or register it again: then it keeps its cursor and whatever is not given.

        `url` is in the normal form, and the caller has checked that it is allowed.
        """
        async with self._changing:
            known = self._webhooks.get((session, url))
            if known is not None and self._is_over(known):
                await self._remove(known)
                known = None
            if known is None:
                webhook = Webhook(
                    id=uuid.uuid4().hex,
                    session=session,
                    url=url,
                    created_at=self._clock.now(),
                    filter=chosen or WebhookFilter(),
                    secret=secret,
                    legacy=legacy,
                    start=self._position(session, start),
                )
            else:
                webhook = replace(
                    known,
                    ended_at=None,
                    filter=chosen or known.filter,
                    secret=secret or known.secret,
                    legacy=known.legacy and legacy,
                )
            if webhook != known:
                await self._put(webhook)
            if known is None or not known.active:
                _log.info("%s: Listener registrado: %s (%s)", session, url, webhook.id)  # the legacy log line
            if deliveries := self._attached.get(session):
                deliveries.wake(webhook.id)
            return webhook

    async def unregister(self, session: str, url: str) -> bool:
        """Unregister a URL; returns whether it was registered. Its cursor is kept for `ended_retention` seconds."""
        async with self._changing:
            webhook = self._webhooks.get((session, url))
            if webhook is None or not webhook.active:
                return False
            await self._put(replace(webhook, ended_at=self._clock.now()))
            _log.info("%s: Listener removido: %s (%s)", session, url, webhook.id)  # the legacy log line
            return True

    async def pause(self, webhook: Webhook, *, paused: bool) -> Webhook:
        """Pause or resume deliveries. A paused webhook misses only what the journal's retention drops meanwhile."""
        async with self._changing:
            known = self._webhooks.get((webhook.session, webhook.url), webhook)
            if paused is (known.paused_at is not None):
                return known
            changed = replace(known, paused_at=self._clock.now() if paused else None)
            await self._put(changed)
            _log.info("%s: webhook %s %s", webhook.session, webhook.id, "paused" if paused else "resumed")
            return changed

    async def redeliver(self, number: int) -> tuple[PostAnswer, bool] | None:
        """Post a dead letter again; returns the answer and whether it is accepted, or None if there is none.

        It is removed when it is accepted, else the new outcome is stored. One that was deleted meanwhile, as by
        `wa forget`, is not posted, and stays deleted.
        """
        async with self._context.concurrency.slot(failing=True):
            dead_letter = await self._repository.dead_letter(number)  # not before: a slot may take long
            return None if dead_letter is None else await self._redeliver(dead_letter)

    async def _redeliver(self, dead_letter: DeadLetter) -> tuple[PostAnswer, bool]:
        webhook = next((one for one in self._webhooks.values() if one.id == dead_letter.webhook_id), None)
        delivery = WebhookDelivery(
            dead_letter.webhook_id, dead_letter.session, dead_letter.stream, dead_letter.epoch, dead_letter.seq
        )
        body, attempt = dead_letter.body.encode(), dead_letter.attempts + 1
        headers = delivery.headers(body, attempt=attempt, secret=webhook.secret if webhook else None)
        at, legacy = self._clock.now(), webhook is not None and webhook.legacy
        answer, seconds = await self._timed(dead_letter.url, body, headers, legacy=legacy)
        delivered = judge(answer, 1, self._limits) is PostVerdict.DELIVERED
        result = PostResult.DELIVERED if delivered else PostResult.REFUSED
        record = PostRecord.of(answer, result, at, seconds, dead_letter.stream, dead_letter.seq, attempt)
        if webhook is not None:
            self._context.log.add(webhook.id, record)
        if delivered:
            await self._repository.remove_dead_letter(dead_letter.number)
        else:
            await self._repository.change_dead_letter(
                replace(
                    dead_letter,
                    attempts=attempt,
                    status=answer.status,
                    error=describe(answer),
                    failure=answer.failure,
                    at=self._clock.now(),
                )
            )
        return answer, delivered

    async def test(self, webhook: Webhook, cliente_id: int) -> tuple[PostAnswer, float]:
        """Post one signed example, whatever the state of the webhook; returns the answer and its seconds."""
        epoch, now = f"test-{uuid.uuid4()}", self._clock.now()
        stream, body = example_of(webhook.filter, webhook.session, cliente_id, epoch, now)
        delivery = WebhookDelivery(webhook.id, webhook.session, stream, epoch, 0, is_test=True)
        async with self._context.concurrency.slot(failing=True):
            answer, seconds = await self._timed(
                webhook.url, body, delivery.headers(body, attempt=1, secret=webhook.secret), legacy=webhook.legacy
            )
        self._context.log.add(webhook.id, PostRecord.of(answer, PostResult.TEST, now, seconds, stream, 0, 1))
        return answer, seconds

    def log(self, webhook: Webhook) -> list[PostRecord]:
        """The last posts to a webhook since this process began, newest first."""
        return self._context.log.of(webhook.id, self._clock.now())

    async def _timed(
        self, url: str, body: bytes, headers: Mapping[str, str], *, legacy: bool = False
    ) -> tuple[PostAnswer, float]:
        begun = asyncio.get_running_loop().time()
        answer = await self._context.poster.post(url, body, headers, legacy=legacy)
        return answer, asyncio.get_running_loop().time() - begun

    async def attach(self, deliveries: SessionDeliveries) -> None:
        """A session's store was opened: webhooks that were registered without it begin at its end."""
        self._attached[deliveries.session] = deliveries
        end = deliveries.end
        async with self._changing:
            for webhook in self.active(deliveries.session):
                if webhook.start is None:
                    begun = replace(webhook, start=end)
                    self._webhooks[begun.session, begun.url] = begun
                    try:
                        await self._repository.put(begun)
                    except StoreUnusable as error:  # deliveries begin now; only a restart could move the start
                        _log.error("%s: the start of %s is not stored: %s", deliveries.session, begun.reader, error)

    def detach(self, deliveries: SessionDeliveries) -> None:
        """A session's store is about to be closed."""
        if self._attached.get(deliveries.session) is deliveries:
            del self._attached[deliveries.session]

    async def remove_ended(self, session: str) -> list[Webhook]:
        """Remove webhooks that were unregistered `ended_retention` seconds ago, and return them."""
        async with self._changing:
            over = [one for one in self._webhooks.values() if one.session == session and self._is_over(one)]
            for webhook in over:
                await self._remove(webhook)
            return over

    async def _put(self, webhook: Webhook) -> None:
        await self._repository.put(webhook)
        self._webhooks[webhook.session, webhook.url] = webhook
        if deliveries := self._attached.get(webhook.session):
            deliveries.refresh()

    async def _remove(self, webhook: Webhook) -> None:
        await self._repository.remove(webhook.id)
        del self._webhooks[webhook.session, webhook.url]
        self._context.log.forget(webhook.id)

    def _is_over(self, webhook: Webhook) -> bool:
        return webhook.ended_at is not None and self._clock.now() - webhook.ended_at >= self._limits.ended_retention

    def _position(self, session: str, start: Start) -> Position | None:
        if isinstance(start, Position):
            return start
        if start == "oldest":
            return Position("")  # matches no store's epoch; with another epoch, deliveries begin with the oldest item
        deliveries = self._attached.get(session)
        return deliveries.end if deliveries else None
