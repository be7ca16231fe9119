"""The owner of a session: read from the broker before the session starts and before each of its connections."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from typing_extensions import override

from bridge.app.identity import of_same_directory
from bridge.app.limits import BridgeLimits
from bridge.contract.errors import InvalidRequest
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.foreign_commands import ForeignCommands
from bridge.mqtt import MqttOptions, Owner, other_owner
from bridge.ports import Clock

_log = logging.getLogger(__name__)


class Ownership(Protocol):
    """Decides whether a session runs here. Sets `leaving`, which ends its service, when it must not any more."""

    #: Another bridge has owned the session since this one: it may have sent commands that are still open here.
    interrupted: bool
    #: Commands that the other may have got from the broker, with what it reported of them.
    noted: ForeignCommands
    #: Seconds until it is worth asking again.
    pause: float

    async def run(self) -> None:
        """Work beside the session, until cancelled."""
        ...

    async def elsewhere(self, *, in_standby: bool) -> Situation | None:
        """Why the session does not run here; None where it may start. `in_standby`: it was not None before."""
        ...

    async def may_connect(self) -> bool:
        """Whether the session's own connection may be made: it disconnects any other owner."""
        ...

    def holds(self) -> bool:
        """Whether a call that could send may leave at this moment."""
        ...

    @property
    def hurry(self) -> float | None:
        """Seconds for running sends where the driver must end before everything else; None: an orderly end."""
        ...

    async def taken_over(self) -> None:
        """The store knows what another owner may have done: the session is not `interrupted` any more."""
        ...

    async def left(self, *, failed: bool) -> None:
        """The session's service has ended, or could not begin."""
        ...

    def hand_over(self, to: str) -> bool:
        """Give the session to the bridge `to`. False: it does not run here. Raises `InvalidRequest`."""
        ...


class SoleOwnership(Ownership):
    """Of a bridge that shares its sessions with no other: it starts without a broker, but not beside another owner."""

    def __init__(
        self, session: str, mqtt: MqttOptions, clock: Clock, leaving: asyncio.Event, limits: BridgeLimits
    ) -> None:
        self._session = session
        self._mqtt = mqtt
        self._clock = clock
        self._leaving = leaving
        self._limits = limits
        self._confirmed = False  # a broker has answered that no other bridge owns it
        self._seen = Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE)
        self.interrupted = False
        self.noted = ForeignCommands(session)
        self.pause = limits.standby

    @override
    async def run(self) -> None:
        return

    @override
    def holds(self) -> bool:
        return True

    @property
    @override
    def hurry(self) -> float | None:
        return None

    @override
    async def taken_over(self) -> None:
        self.interrupted = False

    @override
    async def left(self, *, failed: bool) -> None:
        return

    @override
    def hand_over(self, to: str) -> bool:
        raise InvalidRequest("Only a bridge that shares its sessions hands one over: set WA_BRIDGES on each of them.")

    @override
    async def elsewhere(self, *, in_standby: bool) -> Situation | None:
        """Ask the broker, for a limited time: an unreachable broker must not keep HTTP callers from WhatsApp.

        Where an owner was seen before, only the broker can say that it has ended.
        """
        try:
            owner = await self.ask(self._limits.ownership)
        except TimeoutError:
            if in_standby:
                return self._seen
            if not self._leaving.is_set():
                _log.warning("%s: could not determine the owner (no broker answers); starting anyway", self._session)
            return None
        if owner is None or not owner.alive:
            return None
        if not in_standby:
            self._seen = Situation(SessionState.STANDBY, Reason.OWNED_ELSEWHERE, owner.name)
        return self._seen

    async def ask(self, timeout: float | None) -> Owner | None:
        """The other owner, if any. Raises TimeoutError when no broker answers in time, or before we leave."""
        mqtt = self._mqtt
        self._confirmed = False
        asking = asyncio.create_task(other_owner(mqtt, self._session, self._clock), name=f"owner {self._session}")
        leaving = asyncio.create_task(self._leaving.wait(), name=f"end of {self._session}")
        try:
            await asyncio.wait([asking, leaving], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            leaving.cancel()
            await asyncio.wait([asking, leaving])
        if asking.cancelled():
            raise TimeoutError
        owner = asking.result()
        self._confirmed = owner is None or not owner.alive
        self.interrupted = self.interrupted or (owner is not None and not of_same_directory(owner.name, mqtt.owner))
        return owner

    @override
    async def may_connect(self) -> bool:
        """While the connection was down, another bridge may have taken over; then this one leaves, even if the other
        one has ended."""
        if not self._confirmed:
            try:
                await self.ask(None)
            except TimeoutError:
                return False
            if self.interrupted or not self._confirmed:
                _log.warning("%s: another bridge has taken the session over; leaving it", self._session)
                self._leaving.set()
                return False
        self._confirmed = False
        return True
