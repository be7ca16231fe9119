"""The client's one broker connection: kept up, resubscribed after each loss, its deliveries dispatched.

Owns the connection and the list of subscribers. Reads no payload. Deliveries are acknowledged at once: what a
subscriber did not process is fetched again by `seq`, not by the broker.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from typing_extensions import override

from bridge.broker import (
    RECONNECT,
    BrokerConnection,
    BrokerDown,
    BrokerError,
    BrokerOptions,
    BrokerRefused,
    Delivery,
    MessageRefused,
    keep_connected,
)
from bridge.client.errors import ClientClosed

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
#: A reader has to be back soon, so a connection of 1 s resets the pauses; a broker that disconnects it at once still
#: sees growing pauses.
BACKOFF = replace(RECONNECT, reset_after=1.0)


class Resubscribed:
    """Marks a position where deliveries may be missing: the subscriptions are active again from here on."""


RESUBSCRIBED = Resubscribed()


class Inbox(Generic[_T]):
    """Deliveries for one reader, in order. Above `limit` it is emptied and holds `RESUBSCRIBED` instead."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._arrived: deque[_T | Resubscribed] = deque()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    def put(self, item: _T | Resubscribed) -> None:
        if len(self._arrived) >= self._limit:
            self.reset()
            return
        self._arrived.append(item)
        self._changed.set()

    def reset(self) -> None:
        """Drop what is buffered, which may have holes now, and mark it."""
        self._arrived.clear()
        self._arrived.append(RESUBSCRIBED)
        self._changed.set()

    def mark(self) -> None:
        """Insert `RESUBSCRIBED` before what is buffered: retained messages may arrive before `subscribe` returns."""
        self._arrived.appendleft(RESUBSCRIBED)
        self._changed.set()

    def fail(self, error: BaseException) -> None:
        """Raise this from `get` once the buffer is read."""
        self._failure = error
        self._changed.set()

    async def get(self, until: float | None = None) -> _T | Resubscribed | None:
        """The next item, or None when the loop's clock reaches `until` first."""
        try:
            async with asyncio.timeout_at(until):
                while not self._arrived:
                    if self._failure is not None:
                        raise self._failure
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return None
        return self._arrived.popleft()


class Subscriber(Protocol):
    """A receiver of deliveries. Its methods are called from the connection's task and must not block."""

    @property
    def required(self) -> tuple[str, ...]:
        """Topic filters, `+` the only wildcard. If the broker refuses one, `fail` is called."""
        ...

    @property
    def optional(self) -> tuple[str, ...]:
        """Topic filters whose refusal is ignored."""
        ...

    def deliver(self, delivery: Delivery) -> None:
        """Receive a delivery on one of the filters."""
        ...

    def resubscribed(self) -> None:
        """The filters are subscribed on a new connection; deliveries in between may be missing."""
        ...

    def fail(self, error: BaseException) -> None:
        """No more deliveries will arrive."""
        ...


class Subscription(Subscriber):
    """A subscriber that buffers deliveries for one reader."""

    def __init__(self, *required: str, optional: tuple[str, ...] = (), limit: int = 10_000) -> None:
        self._required = required
        self._optional = optional
        self.inbox: Inbox[Delivery] = Inbox(limit)

    @property
    @override
    def required(self) -> tuple[str, ...]:
        return self._required

    @property
    @override
    def optional(self) -> tuple[str, ...]:
        return self._optional

    @override
    def deliver(self, delivery: Delivery) -> None:
        self.inbox.put(delivery)

    @override
    def resubscribed(self) -> None:
        self.inbox.mark()

    @override
    def fail(self, error: BaseException) -> None:
        self.inbox.fail(error)


class SharedConnection:
    """`run` is its whole life. `connect_timeout` limits the first connection (seconds, None = no limit)."""

    def __init__(self, options: BrokerOptions, connect_timeout: float | None) -> None:
        self._options = options
        self._connect_timeout = connect_timeout
        self._subscribers: list[Subscriber] = []
        self._connection: BrokerConnection | None = None
        self._closed: BaseException | None = None
        self._connect_deadline: float | None = None
        self.up = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until cancelled. Raises the BrokerError that prevented the first connection."""
        if self._connect_timeout is not None:
            self._connect_deadline = asyncio.get_running_loop().time() + self._connect_timeout
        await keep_connected(self._options, self._use, on_down=self._down, backoff=BACKOFF)

    def close(self, error: BaseException | None = None) -> None:
        """Fail all subscribers, and later calls."""
        if error is not None and self.up.is_set():
            _log.error("The client's connection failed and will not be restored.", exc_info=error)
        self._closed = error or ClientClosed("The client is closed.")
        for subscriber in self._subscribers:
            subscriber.fail(self._closed)

    @property
    def is_connected(self) -> bool:
        """Whether a publish can be tried."""
        return self._connection is not None

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Raises BrokerDown when there is no connection or, at QoS 1, it ends before the PUBACK or the broker takes no
        messages for now; BrokerRefused when it does not allow this one."""
        if self._connection is None:
            raise BrokerDown("There is no connection to the broker at the moment.")
        try:
            await self._connection.publish(topic, payload, retain=retain, qos=qos)
        except MessageRefused as refused:
            if refused.transient:
                raise BrokerDown(refused.text) from refused
            raise

    @asynccontextmanager
    async def attached(self, subscription: Subscription) -> AsyncIterator[Inbox[Delivery]]:
        """Keep a subscription active while the block runs."""
        await self.attach(subscription)
        try:
            yield subscription.inbox
        finally:
            self._forget(subscription)

    async def attach(self, subscriber: Subscriber) -> None:
        """Subscribe now, or as soon as there is a connection, and again on every later one. Raises BrokerRefused when
        the broker refuses a required filter; a subscriber that it refuses later is failed, and forgotten."""
        if self._closed is not None:
            raise self._closed
        self._subscribers.append(subscriber)
        if (connection := self._connection) is None:
            return
        try:
            await self._subscribe(connection, subscriber)
        except BrokerDown:
            return  # the next connection subscribes it
        except BaseException as error:
            self._forget(subscriber)
            if isinstance(error, BrokerRefused):
                subscriber.fail(error)  # for the calls that wait beside this one
            raise
        subscriber.resubscribed()

    def _forget(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:  # it may have been refused, or detached, meanwhile
            self._subscribers.remove(subscriber)

    async def ask(self, topic: str) -> None:
        """Subscribe to one topic of a subscriber's wildcard, for its retained message. Does nothing while there is no
        connection, or where it is refused."""
        if self._connection is not None:
            with suppress(BrokerError):
                await self._connection.subscribe(topic)

    async def _use(self, connection: BrokerConnection) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._dispatch(connection), name="client deliveries")
            subscribed: list[Subscriber] = []
            # read again after each await: a subscriber may have been attached meanwhile
            while fresh := [known for known in self._subscribers if known not in subscribed]:
                try:
                    await self._subscribe(connection, fresh[0])
                except BrokerRefused as error:
                    self._forget(fresh[0])
                    fresh[0].fail(error)
                else:
                    subscribed.append(fresh[0])
            self._connection = connection
            self._connect_deadline = None
            self._connect_timeout = None
            self.up.set()
            for subscriber in subscribed:
                subscriber.resubscribed()
            try:
                await connection.down()
            finally:
                self._connection = None

    async def _subscribe(self, connection: BrokerConnection, subscriber: Subscriber) -> None:
        if subscriber.required:
            await connection.subscribe(*subscriber.required)
        for topic_filter in subscriber.optional:
            try:
                await connection.subscribe(topic_filter)
            except BrokerRefused:
                _log.debug("The broker does not allow this user to read %s.", topic_filter)

    async def _dispatch(self, connection: BrokerConnection) -> None:
        async for delivery in connection.deliveries():
            for subscriber in self._subscribers:
                if any(_matches(name, delivery.topic) for name in (*subscriber.required, *subscriber.optional)):
                    subscriber.deliver(delivery)
            connection.acknowledge(delivery)

    def _down(self, error: BrokerError, pause: float) -> None:
        now = asyncio.get_running_loop().time()
        if not self.up.is_set() and (
            isinstance(error, BrokerRefused)
            or (self._connect_deadline is not None and now + pause >= self._connect_deadline)
        ):
            raise error
        _log.warning("%s Retrying in %.1f s.", error, pause)


def _matches(topic_filter: str, topic: str) -> bool:
    if topic_filter == topic:
        return True
    if "+" not in topic_filter:
        return False
    expected, actual = topic_filter.split("/"), topic.split("/")
    return len(expected) == len(actual) and all(a in ("+", b) for a, b in zip(expected, actual, strict=True))
