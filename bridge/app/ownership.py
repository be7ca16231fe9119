"""The owner of a session: read from the broker before the session starts and before each of its connections."""

from __future__ import annotations

import asyncio
import logging

from bridge.app.identity import of_same_directory
from bridge.mqtt import MqttOptions, Owner, other_owner
from bridge.ports import Clock

_log = logging.getLogger(__name__)


class Ownership:
    """Ownership of one session. Sets `leaving`, which ends its service, when another bridge has taken it over."""

    def __init__(self, session: str, mqtt: MqttOptions, clock: Clock, leaving: asyncio.Event) -> None:
        self._session = session
        self._mqtt = mqtt
        self._clock = clock
        self._leaving = leaving
        self._confirmed = False  # a broker has answered that no other bridge owns it
        #: Another bridge has owned the session since this one: it may have sent commands that are still open here.
        self.interrupted = False

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

    async def may_connect(self) -> bool:
        """Whether the session's own connection may be made: it disconnects any other owner.

        While the connection was down, another bridge may have taken over; then this one leaves, even if the other one
        has ended.
        """
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
