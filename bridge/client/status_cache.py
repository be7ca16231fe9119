"""Who is there: the retained statuses of sessions and bridges, as a reader should take them.

Owns the newest status of each session. Tells "no such session" from "nobody here" and from "not told yet".
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from pydantic import ValidationError

from bridge.broker import Delivery
from bridge.client.errors import NoBridge
from bridge.contract.errors import NoSuchSession
from bridge.contract.status import BridgeStatus, SessionStatus
from bridge.contract.topics import Topics

_log = logging.getLogger(__name__)
#: Seconds that a broker may take to deliver the retained statuses after the SUBACK.
PATIENCE = 2.0
#: Without a new status for so long all of them are taken to have been delivered.
QUIET = 0.25


class StatusCache:
    """A subscriber that keeps the newest statuses."""

    def __init__(self, topics: Topics) -> None:
        self.required = (topics.status("+"),)
        self.optional = (topics.bridge_status("+"),)
        self._topics = topics
        self._sessions: dict[str, SessionStatus] = {}
        self._bridges: dict[str, BridgeStatus] = {}
        self._since: float | None = None
        self._failure: BaseException | None = None
        self._news = asyncio.Event()

    def deliver(self, delivery: Delivery) -> None:
        """Keep a status, or forget it when the retained one was cleared."""
        topic = self._topics.parse(delivery.topic)
        try:
            if topic is not None and not delivery.payload:
                self._sessions.pop(topic.session, None)
            elif topic is not None:
                self._sessions[topic.session] = SessionStatus.model_validate_json(delivery.payload)
            elif delivery.payload:
                self._bridges[delivery.topic] = BridgeStatus.model_validate_json(delivery.payload)
            else:
                self._bridges.pop(delivery.topic, None)
        except ValidationError:
            _log.warning("%s: not a status that this version can read.", delivery.topic)
        self._news.set()

    def resume(self) -> None:
        """The broker now delivers what it has retained."""
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """Raise it from whoever waits."""
        self._failure = error
        self._news.set()

    async def of(self, session: str) -> SessionStatus:
        """The session's status as it counts now. Raises NoSuchSession, NoBridge after `PATIENCE`."""
        until = self._since_or_now() + PATIENCE
        while session not in self._sessions and await self._more(until):
            pass
        self.check(session)
        return self._sessions[session].seen_at(datetime.now(UTC))

    async def all(self) -> list[SessionStatus]:
        """The statuses of all sessions. Raises NoBridge when there is none within `PATIENCE`."""
        clock = asyncio.get_running_loop().time
        patience = self._since_or_now() + PATIENCE
        while await self._more(min(patience, clock() + QUIET) if self._sessions else patience):
            pass
        if not self._sessions:
            raise self._nobody()
        now = datetime.now(UTC)
        return [self._sessions[name].seen_at(now) for name in sorted(self._sessions)]

    def check(self, session: str) -> None:
        """Raise NoSuchSession or NoBridge where the session is not known by now."""
        if session in self._sessions:
            return
        if self._is_listed(session):
            raise NoBridge(f"Session {session} is configured and has not started yet: wait, or see the bridge's log.")
        if not self._sessions and not self._bridges:
            raise self._nobody()
        known = ", ".join(sorted({*self._sessions, *(name for b in self._bridges.values() for name in b.sessions)}))
        raise NoSuchSession(f"There is no session {session!r}; the sessions here are: {known or 'none'}.")

    @property
    def judged_at(self) -> float | None:
        """When all retained statuses will have been told; None when that is not known, or over."""
        at = None if self._since is None else self._since + PATIENCE
        return at if at is not None and at > asyncio.get_running_loop().time() else None

    def refuse_foreign(self, session: str) -> None:
        """Raise NoSuchSession where others are known by now and this session is not."""
        told = self._since is not None and self.judged_at is None
        if told and (self._sessions or self._bridges) and not self._is_listed(session):
            self.check(session)

    def last_known(self, session: str) -> SessionStatus | None:
        """The newest status, if any was told."""
        known = self._sessions.get(session)
        return known and known.seen_at(datetime.now(UTC))

    def _is_listed(self, session: str) -> bool:
        return session in self._sessions or any(session in bridge.sessions for bridge in self._bridges.values())

    def _since_or_now(self) -> float:
        return asyncio.get_running_loop().time() if self._since is None else self._since

    async def _more(self, until: float) -> bool:
        """Wait for another status; False when `until` comes first."""
        self._news.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def _nobody(self) -> NoBridge:
        if self._since is None:
            return NoBridge("The broker cannot be reached at the moment, so nothing is known of any bridge.")
        where = self._topics.prefix
        return NoBridge(f"No bridge has been at this broker under the prefix {where!r}: start `wa up` or `wa bridge`.")
