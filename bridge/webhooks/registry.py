"""Who listens to what: the one place where listeners are registered, changed and ended. Durable before it is told."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from bridge.contract.backoff import Backoff
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
from bridge.webhooks.delivery import ConcurrencyLimit, DeliveryContext, SessionDeliveries, WebhookHealth
from bridge.webhooks.headers import Delivered
from bridge.webhooks.retry_policy import RETRY, PostVerdict, describe, judge

_log = logging.getLogger(__name__)
#: Seconds that an unregistered listener keeps its cursor: one that restarts unregisters and registers again.
FORGOTTEN_AFTER = 600.0
#: Where a new listener begins.
Start = Literal["now", "oldest"] | Position


class WebhookRegistry:
    """The listeners of every session. `load` first."""

    def __init__(
        self,
        book: WebhookRepository,
        post: WebhookPost,
        clock: Clock,
        *,
        random: Callable[[], float],
        legacy_groups: bool = False,
        backoff: Backoff = RETRY,
        forget_after: float = FORGOTTEN_AFTER,
    ) -> None:
        self._book = book
        self._clock = clock
        self._means = DeliveryContext(book, post, clock, ConcurrencyLimit(), random, legacy_groups, backoff)
        self._forget_after = forget_after
        self._listeners: dict[tuple[str, str], Webhook] = {}
        self._attached: dict[str, SessionDeliveries] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Take up what is stored."""
        self._listeners = {(listener.session, listener.url): listener for listener in await self._book.listeners()}

    def deliveries(self, session: str, journal: Journal) -> SessionDeliveries:
        """The deliveries of a session whose store is open."""
        return SessionDeliveries(self, session, journal, self._means)

    def active(self, session: str) -> list[Webhook]:
        """Registered listeners of a session, oldest first; paused ones too."""
        return [one for one in self._listeners.values() if one.session == session and one.active]

    def find(self, session: str, listener_id: str) -> Webhook | None:
        """An active listener by its id."""
        return next((one for one in self.active(session) if one.id == listener_id), None)

    def standing(self, listener: Webhook) -> WebhookHealth | None:
        """How a listener is; None while its session's store is closed."""
        deliveries = self._attached.get(listener.session)
        return deliveries.standing(listener.id) if deliveries else None

    def lag(self, listener: Webhook) -> int | None:
        """Items journalled and not yet delivered or passed over; None while the session's store is closed."""
        deliveries = self._attached.get(listener.session)
        standing = deliveries.standing(listener.id) if deliveries else None
        if deliveries is None or standing is None:
            return None
        return sum(max(0, deliveries.journal.bounds(stream).last - at) for stream, at in standing.at.items())

    async def register(
        self,
        session: str,
        url: str,
        *,
        legacy: bool = False,
        choice: WebhookFilter | None = None,
        secret: str | None = None,
        start: Start = "now",
    ) -> Webhook:
        """Register a URL, or register it again: then it keeps its cursor, and what is not given stays as it was.

        `url` is in the normal form and allowed; whoever calls has checked that.
        """
        async with self._changing:
            standing = self._listeners.get((session, url))
            if standing is not None and self._is_over(standing):
                await self._drop(standing)
                standing = None
            if standing is None:
                listener = Webhook(
                    id=uuid.uuid4().hex,
                    session=session,
                    url=url,
                    created_at=self._clock.now(),
                    choice=choice or WebhookFilter(),
                    secret=secret,
                    legacy=legacy,
                    start=self._position(session, start),
                )
            else:
                listener = replace(
                    standing,
                    ended_at=None,
                    choice=choice or standing.choice,
                    secret=secret or standing.secret,
                    legacy=standing.legacy and legacy,
                )
            if listener != standing:
                await self._put(listener)
            if standing is None or not standing.active:
                _log.info("%s: Listener registrado: %s (%s)", session, url, listener.id)
            if deliveries := self._attached.get(session):
                deliveries.wake(listener.id)
            return listener

    async def unregister(self, session: str, url: str) -> bool:
        """End the listener of a URL; returns whether there was one. Its cursor is kept `FORGOTTEN_AFTER` seconds."""
        async with self._changing:
            listener = self._listeners.get((session, url))
            if listener is None or not listener.active:
                return False
            await self._put(replace(listener, ended_at=self._clock.now()))
            _log.info("%s: Listener removido: %s (%s)", session, url, listener.id)
            return True

    async def pause(self, listener: Webhook, *, paused: bool) -> Webhook:
        """Hold back what a listener would get, or go on where it stopped. Its place is kept as long as the journal."""
        async with self._changing:
            standing = self._listeners.get((listener.session, listener.url), listener)
            if paused is (standing.paused_at is not None):
                return standing
            changed = replace(standing, paused_at=self._clock.now() if paused else None)
            await self._put(changed)
            _log.info("%s: listener %s %s", listener.session, listener.id, "paused" if paused else "resumed")
            return changed

    async def repeat(self, letter: DeadLetter) -> PostAnswer:
        """Post a dead letter once more; when it is taken, it is a dead letter no longer."""
        listener = next((one for one in self._listeners.values() if one.id == letter.listener_id), None)
        item = Delivered(letter.listener_id, letter.session, letter.stream, letter.epoch, letter.seq)
        body = letter.body.encode()
        headers = item.headers(body, attempt=letter.attempts + 1, secret=listener.secret if listener else None)
        async with self._means.slots.one(ailing=True):
            answer = await self._means.post.post(letter.url, body, headers)
        if judge(answer, 1) is PostVerdict.DELIVERED:
            await self._book.remove_dead_letter(letter.number)
        else:
            await self._book.bury(
                replace(
                    letter,
                    attempts=letter.attempts + 1,
                    status=answer.status,
                    error=describe(answer),
                    failure=answer.failure,
                    at=self._clock.now(),
                )
            )
        return answer

    async def attach(self, deliveries: SessionDeliveries) -> None:
        """A session's store is open: what was registered without it begins now."""
        self._attached[deliveries.session] = deliveries
        now = deliveries.now
        async with self._changing:
            for listener in self.active(deliveries.session):
                if listener.start is None:
                    begun = replace(listener, start=now)
                    self._listeners[begun.session, begun.url] = begun
                    try:
                        await self._book.put(begun)
                    except StoreUnusable as error:  # it gets what comes now; only a restart could make it begin later
                        _log.error("%s: where %s begins is not stored: %s", deliveries.session, begun.reader, error)

    def detach(self, deliveries: SessionDeliveries) -> None:
        """A session's store is about to be closed."""
        if self._attached.get(deliveries.session) is deliveries:
            del self._attached[deliveries.session]

    async def forget_ended(self, session: str) -> list[Webhook]:
        """Forget the listeners that ended long ago, and return them."""
        async with self._changing:
            over = [one for one in self._listeners.values() if one.session == session and self._is_over(one)]
            for listener in over:
                await self._drop(listener)
            return over

    async def _put(self, listener: Webhook) -> None:
        await self._book.put(listener)
        self._listeners[listener.session, listener.url] = listener
        if deliveries := self._attached.get(listener.session):
            deliveries.look()

    async def _drop(self, listener: Webhook) -> None:
        await self._book.forget(listener.id)
        del self._listeners[listener.session, listener.url]

    def _is_over(self, listener: Webhook) -> bool:
        return listener.ended_at is not None and self._clock.now() - listener.ended_at >= self._forget_after

    def _position(self, session: str, start: Start) -> Position | None:
        if isinstance(start, Position):
            return start
        if start == "oldest":
            return Position("")  # no store has this epoch, and another epoch begins with the oldest
        deliveries = self._attached.get(session)
        return deliveries.now if deliveries else None
