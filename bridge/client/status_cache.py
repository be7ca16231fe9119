"""The retained statuses of sessions and bridges, as a reader should interpret them.

Owns the newest status of each session. Distinguishes "no such session", "no bridge" and "not received yet".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

from pydantic import ValidationError

from bridge.broker import Delivery
from bridge.client.errors import NoBridge
from bridge.client.heartbeat import Heartbeat, heartbeat_after
from bridge.contract.errors import NoSuchSession
from bridge.contract.status import BridgeStatus, SessionStatus
from bridge.contract.topics import Topics

_log = logging.getLogger(__name__)
#: Seconds that a broker may take to deliver the retained statuses after the SUBACK.
RETAINED_TIMEOUT = 2.0
#: Seconds by which a heartbeat may be late.
HEARTBEAT_DELAY = 2.0
#: After this many seconds without another status, all retained ones count as delivered.
RETAINED_PAUSE = 0.25


class StatusCache:
    """`ask` is called with an exact topic whose retained message did not come for the wildcard: RabbitMQ and some
    clusters deliver retained messages to exact subscriptions only."""

    def __init__(self, topics: Topics, ask: Callable[[str], Awaitable[None]]) -> None:
        self.required = (topics.status("+"),)
        self.optional = (topics.bridge_status("+"),)
        self._topics = topics
        self._ask = ask
        self._sessions: dict[str, Heartbeat] = {}
        self._bridges: dict[str, BridgeStatus] = {}
        self._since: float | None = None
        self._failure: BaseException | None = None
        #: Whether a connection has it as a subscriber; not after a refusal.
        self.is_attached = False
        self._changed = asyncio.Event()

    def deliver(self, delivery: Delivery) -> None:
        """Store a status, or drop it when the retained one was cleared."""
        topic = self._topics.parse(delivery.topic)
        try:
            if topic is not None and not delivery.payload:
                self._sessions.pop(topic.session, None)
            elif topic is not None:
                status = SessionStatus.model_validate_json(delivery.payload)
                self._sessions[topic.session] = heartbeat_after(
                    self._sessions.get(topic.session),
                    status,
                    retained=delivery.retain,
                    moment=asyncio.get_running_loop().time(),
                    now=datetime.now(UTC),
                )
            elif delivery.payload:
                self._bridges[delivery.topic] = BridgeStatus.model_validate_json(delivery.payload)
            else:
                self._bridges.pop(delivery.topic, None)
        except ValidationError:
            _log.warning("%s: unsupported status (newer schema?).", delivery.topic)
        self._changed.set()

    def resubscribed(self) -> None:
        """From now on the broker delivers its retained statuses."""
        self._failure = None
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
        self._changed.set()

    def fail(self, error: BaseException) -> None:
        """Raise it in every call that waits."""
        self._failure = error
        self.is_attached = False
        self._changed.set()

    async def current(self, session: str) -> SessionStatus:
        """The session's status, offline if its bridge is silent. Raises NoSuchSession, NoBridge.

        A retained status with a time that is old, or in the future, is waited for until the next heartbeat.
        """
        until = max(self._since_or_now() + RETAINED_TIMEOUT, await self._ask_for([session]))
        while session not in self._sessions and await self._wait_for_change(until):
            pass
        self.check(session)
        await self._wait_for_proof([session])
        self.check(session)
        return self._sessions[session].seen_at(asyncio.get_running_loop().time())

    async def all(self, known: Iterable[str] = ()) -> list[SessionStatus]:
        """The statuses of all sessions, `known` ones by their exact topics where the wildcard brought none. Raises
        NoBridge when none arrives within `RETAINED_TIMEOUT`."""
        clock = asyncio.get_running_loop().time
        deadline = max(self._since_or_now() + RETAINED_TIMEOUT, await self._ask_for(known))
        while await self._wait_for_change(min(deadline, clock() + RETAINED_PAUSE) if self._sessions else deadline):
            pass
        if not self._sessions:
            raise self._no_bridge()
        await self._wait_for_proof(sorted(self._sessions))
        return [self._sessions[name].seen_at(clock()) for name in sorted(self._sessions)]

    async def _ask_for(self, sessions: Iterable[str]) -> float:
        """Ask the exact topics of sessions of which nothing has come `RETAINED_PAUSE` after the subscription; returns
        when their answers are due."""
        wanted, until = list(sessions), self._since_or_now() + RETAINED_PAUSE
        while (missing := [name for name in wanted if name not in self._sessions]) and await self._wait_for_change(
            until
        ):
            pass
        for name in missing:
            await self._ask(self._topics.status(name))
        return asyncio.get_running_loop().time() + RETAINED_PAUSE

    @property
    def standbys(self) -> list[tuple[str, str, str]]:
        """Session, bridge and sentence of each session that a bridge holds in standby."""
        running = [bridge for bridge in self._bridges.values() if bridge.state == "online"]
        return sorted((name, one.instance, text) for one in running for name, text in (one.standby or {}).items())

    def check(self, session: str) -> None:
        """Raise NoSuchSession or NoBridge if the session is not known now."""
        if session in self._sessions:
            return
        if self._is_listed(session):
            raise NoBridge(f"Session {session} is configured but has not started yet: wait, or see the bridge's log.")
        if not self._sessions and not self._bridges:
            raise self._no_bridge()
        known = ", ".join(sorted({*self._sessions, *(name for b in self._bridges.values() for name in b.sessions)}))
        raise NoSuchSession(f"There is no session {session!r}; known sessions: {known or 'none'}.")

    @property
    def complete_at(self) -> float | None:
        """When all retained statuses will have been delivered; None if that is unknown, or past."""
        at = None if self._since is None else self._since + RETAINED_TIMEOUT
        return at if at is not None and at > asyncio.get_running_loop().time() else None

    def check_exists(self, session: str) -> None:
        """Raise NoSuchSession once all retained statuses are delivered and this session is not among them."""
        complete = self._since is not None and self.complete_at is None
        if complete and (self._sessions or self._bridges) and not self._is_listed(session):
            self.check(session)

    def last_known(self, session: str) -> SessionStatus | None:
        """The newest status received, if any."""
        known = self._sessions.get(session)
        return None if known is None else known.seen_at(asyncio.get_running_loop().time())

    def clock_difference(self, session: str) -> float | None:
        """Seconds by which this machine's clock is ahead of the bridge's; None before a live status."""
        known = self._sessions.get(session)
        return None if known is None else known.difference

    async def _wait_for_proof(self, names: list[str]) -> None:
        """Wait for a heartbeat of each session whose retained status proves nothing."""
        clock = asyncio.get_running_loop().time
        longest = max((known.status.interval for name in names if (known := self._sessions.get(name))), default=0)
        until = self._since_or_now() + longest + HEARTBEAT_DELAY
        while any((known := self._sessions.get(name)) and not known.is_proven(clock()) for name in names):
            if not await self._wait_for_change(until):
                return

    def _is_listed(self, session: str) -> bool:
        return session in self._sessions or any(session in bridge.sessions for bridge in self._bridges.values())

    def _since_or_now(self) -> float:
        return asyncio.get_running_loop().time() if self._since is None else self._since

    async def _wait_for_change(self, until: float) -> bool:
        """Wait for another status; False when `until` comes first."""
        self._changed.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        except TimeoutError:
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def _no_bridge(self) -> NoBridge:
        if self._since is None:
            return NoBridge("The broker cannot be reached at the moment, so no bridge is known.")
        prefix = self._topics.prefix
        return NoBridge(f"No bridge is known at this broker under the prefix {prefix!r}: start `wa up` or `wa bridge`.")
