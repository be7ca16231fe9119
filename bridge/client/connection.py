"""The client's one connection: kept up, subscribed again after each loss, its deliveries handed to who asked.

Owns the connection and the list of subscribers. Reads no payload. Deliveries are acknowledged at once: what a
subscriber does not get to is fetched again by `seq`, not by the broker.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from bridge.broker import (
    RECONNECT,
    BrokerConnection,
    BrokerDown,
    BrokerError,
    BrokerOptions,
    BrokerRefused,
    Delivery,
    keep_connected,
)
from bridge.client.errors import ClientClosed

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
#: A reader has to be back soon; a broker that throws it out at once is still left in peace more and more.
BACKOFF = replace(RECONNECT, reset_after=1.0)


class Resubscribed:
    """Stands where something may be missing: the subscriptions hold again from here on."""


RESUMED = Resubscribed()


class Inbox(Generic[_T]):
    """What arrived for one reader, in order. Over `limit` it is emptied and holds `RESUMED` instead."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._arrived: deque[_T | Resubscribed] = deque()
        self._news = asyncio.Event()
        self._failure: BaseException | None = None

    def put(self, item: _T | Resubscribed) -> None:
        if len(self._arrived) >= self._limit:
            self.resume()
            return
        self._arrived.append(item)
        self._news.set()

    def resume(self) -> None:
        """Forget what waits, which may have holes now, and say so."""
        self._arrived.clear()
        self._arrived.append(RESUMED)
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """Raise this from `get` once what waits is read."""
        self._failure = error
        self._news.set()

    async def get(self, until: float | None = None) -> _T | Resubscribed | None:
        """The next item, or None when the loop's clock reaches `until` first."""
        try:
            async with asyncio.timeout_at(until):
                while not self._arrived:
                    if self._failure is not None:
                        raise self._failure
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        return self._arrived.popleft()


class Subscriber(Protocol):
    """Who wants deliveries. Its methods are called from the connection's task and must not block."""

    @property
    def required(self) -> tuple[str, ...]:
        """Topic filters, `+` the only wildcard; where the broker refuses one the subscriber is failed."""
        ...

    @property
    def optional(self) -> tuple[str, ...]:
        """Topic filters that it can do without."""
        ...

    def deliver(self, delivery: Delivery) -> None:
        """Take a delivery on one of the filters."""
        ...

    def resume(self) -> None:
        """The filters are subscribed on a new connection; what came meanwhile may be missing."""
        ...

    def fail(self, error: BaseException) -> None:
        """Nothing more will come."""
        ...


class Subscription:
    """A subscriber that keeps what arrives for one reader."""

    def __init__(self, *required: str, optional: tuple[str, ...] = (), limit: int = 10_000) -> None:
        self.required = required
        self.optional = optional
        self.inbox: Inbox[Delivery] = Inbox(limit)

    def deliver(self, delivery: Delivery) -> None:
        self.inbox.put(delivery)

    def resume(self) -> None:
        """Say that something may be missing."""
        self.inbox.resume()

    def fail(self, error: BaseException) -> None:
        """Pass the failure on to the reader."""
        self.inbox.fail(error)


class SharedConnection:
    """`run` is its whole life. `patience` = seconds in which the first connection has to come about."""

    def __init__(self, options: BrokerOptions, patience: float | None) -> None:
        self._options = options
        self._patience = patience
        self._subscribers: list[Subscriber] = []
        self._connection: BrokerConnection | None = None
        self._closed: BaseException | None = None
        self._give_up_at: float | None = None
        self.up = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until cancelled. Raises the BrokerError for which there was no first connection."""
        if self._patience is not None:
            self._give_up_at = asyncio.get_running_loop().time() + self._patience
        await keep_connected(self._options, self._use, on_down=self._down, backoff=BACKOFF)

    def close(self, error: BaseException | None = None) -> None:
        """Fail everybody who still waits, and who comes later."""
        if error is not None and self.up.is_set():
            _log.error("The client's connection ended for good.", exc_info=error)
        self._closed = error or ClientClosed("The client is closed.")
        for subscriber in self._subscribers:
            subscriber.fail(self._closed)

    @property
    def is_connected(self) -> bool:
        """Whether a publish can be tried."""
        return self._connection is not None

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish. Raises BrokerDown when there is no connection or, at QoS 1, it ends before the PUBACK."""
        if self._connection is None:
            raise BrokerDown("There is no connection to the broker at the moment.")
        await self._connection.publish(topic, payload, retain=retain, qos=qos)

    @asynccontextmanager
    async def attached(self, route: Subscription) -> AsyncIterator[Inbox[Delivery]]:
        """Feed a route while the block runs."""
        await self.attach(route)
        try:
            yield route.inbox
        finally:
            self._subscribers.remove(route)

    async def attach(self, subscriber: Subscriber) -> None:
        """Subscribe now, or as soon as there is a connection, and again on every later one."""
        if self._closed is not None:
            raise self._closed
        self._subscribers.append(subscriber)
        if (connection := self._connection) is None:
            return
        try:
            await self._subscribe(connection, subscriber)
        except BrokerDown:
            return  # the next connection subscribes it
        except BaseException:
            self._subscribers.remove(subscriber)
            raise
        subscriber.resume()

    async def _use(self, connection: BrokerConnection) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_out(connection), name="client deliveries")
            subscribed: list[Subscriber] = []
            # anew after each await: somebody may have been attached meanwhile
            while fresh := [known for known in self._subscribers if known not in subscribed]:
                await self._subscribe(connection, fresh[0])
                subscribed.append(fresh[0])
            self._connection = connection
            self._give_up_at = None
            self._patience = None
            self.up.set()
            for subscriber in subscribed:
                subscriber.resume()
            try:
                await connection.down()
            finally:
                self._connection = None

    async def _subscribe(self, connection: BrokerConnection, subscriber: Subscriber) -> None:
        try:
            await connection.subscribe(*subscriber.required)
        except BrokerRefused as error:
            subscriber.fail(error)
        for topic_filter in subscriber.optional:
            try:
                await connection.subscribe(topic_filter)
            except BrokerRefused:
                _log.debug("The broker does not let this user read %s.", topic_filter)

    async def _hand_out(self, connection: BrokerConnection) -> None:
        async for delivery in connection.deliveries():
            for subscriber in self._subscribers:
                if any(_matches(name, delivery.topic) for name in (*subscriber.required, *subscriber.optional)):
                    subscriber.deliver(delivery)
            connection.acknowledge(delivery)

    def _down(self, error: BrokerError, pause: float) -> None:
        now = asyncio.get_running_loop().time()
        if not self.up.is_set() and (
            isinstance(error, BrokerRefused) or (self._give_up_at is not None and now + pause >= self._give_up_at)
        ):
            raise error
        _log.warning("%s Trying again in %.1f s.", error, pause)


def _matches(topic_filter: str, topic: str) -> bool:
    if topic_filter == topic:
        return True
    if "+" not in topic_filter:
        return False
    wanted, given = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(a in ("+", b) for a, b in zip(wanted, given, strict=True))
