"""Whether a session is ours: asked of the broker before it is started, and before each connection of its own."""

from __future__ import annotations

import asyncio
import logging

from bridge.app.identity import of_same_directory
from bridge.mqtt import MqttOptions, Owner, other_owner
from bridge.ports import Clock

_log = logging.getLogger(__name__)


class Ownership:
    """Of one session. `leaving` = the session in service is to end; set here where another bridge has taken it."""

    door: MqttOptions

    def __init__(self, session: str, clock: Clock, leaving: asyncio.Event) -> None:
        self._session = session
        self._clock = clock
        self._leaving = leaving
        self._asked = False  # a broker has just said that nobody else has it
        #: Another store has had the session since ours did: what is still open here may have been sent by that one.
        self.interrupted = False

    async def ask(self, patience: float | None) -> Owner | None:
        """Who else has it. Raises TimeoutError where no broker answers in time, or before we leave."""
        door = self.door
        self._asked = False
        asking = asyncio.create_task(
            other_owner(door.broker, door.topics, self._session, door.owner, self._clock), name=f"owner {self._session}"
        )
        leaving = asyncio.create_task(self._leaving.wait(), name=f"end of {self._session}")
        try:
            await asyncio.wait([asking, leaving], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            leaving.cancel()
            await asyncio.wait([asking, leaving])
        if asking.cancelled():
            raise TimeoutError
        owner = asking.result()
        self._asked = owner is None or not owner.alive
        self.interrupted = self.interrupted or (owner is not None and not of_same_directory(owner.name, door.owner))
        return owner

    async def may_connect(self) -> bool:
        """Whether the session's own connection may be made: it throws out whoever has the session now.

        While ours was gone another bridge may have taken over; then we leave, even if that one is gone again.
        """
        if not self._asked:
            try:
                await self.ask(None)
            except TimeoutError:
                return False
            if self.interrupted or not self._asked:
                _log.warning("%s: another bridge has taken the session over; leaving it", self._session)
                self._leaving.set()
                return False
        self._asked = False
        return True
