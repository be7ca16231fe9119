"""The readings of one session while its store is open: started, ended and begun anew as the registry says."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.contract.messages import Stream
from bridge.ports import Journal, Position, StoreUnusable

from .pages import Pages
from .reading import Means, Reading, Standing

if TYPE_CHECKING:
    from .registry import Listeners

_log = logging.getLogger(__name__)
#: Seconds between two looks for listeners that are to be forgotten.
LOOK = 60.0


class Deliveries:
    """Runs a `Reading` for each active listener of a session. `run` ends after `close`; posts under way finish."""

    def __init__(self, listeners: Listeners, session: str, journal: Journal, means: Means) -> None:
        self.session = session
        self.journal = journal
        self._listeners = listeners
        self._pages = Pages(session, journal)
        self._means = means
        self._readings: dict[str, tuple[Reading, asyncio.Task[None]]] = {}
        self._standings: dict[str, Standing] = {}
        self._news = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def now(self) -> Position:
        """The position behind everything that is journalled."""
        bounds = self.journal.bounds
        return Position(self.journal.epoch, bounds(Stream.IN).last, bounds(Stream.EVENT).last)

    def close(self) -> None:
        """Begin nothing more."""
        self._closing.set()
        self._news.set()

    def look(self) -> None:
        """The registry changed."""
        self._news.set()

    def wake(self, listener_id: str) -> None:
        """Try this listener at once."""
        if listener_id in self._readings:
            self._readings[listener_id][0].wake()

    def standing(self, listener_id: str) -> Standing | None:
        """How a listener is, once it was read for."""
        return self._standings.get(listener_id)

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        # Before the first await: what is journalled from here on is for listeners that began at "now".
        await self._listeners.attach(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._closing.is_set():
                    self._news.clear()
                    self._follow_registry(tasks)
                    await self._forget_ended()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await self._news.wait()
                for reading, _ in self._readings.values():
                    reading.close()
        finally:
            self._listeners.detach(self)

    def _follow_registry(self, tasks: asyncio.TaskGroup) -> None:
        wanted = {listener.id: listener for listener in self._listeners.active(self.session) if listener.delivering}
        for listener_id, (reading, task) in list(self._readings.items()):
            if task.done():
                del self._readings[listener_id]
            elif wanted.get(listener_id) != reading.listener:
                reading.close()
        for listener_id, listener in wanted.items():
            if listener_id not in self._readings:  # one that still closes is waited for: two would post an item twice
                standing = self._standings.setdefault(listener_id, Standing())
                reading = Reading(listener, self.journal, self._pages, self._means, standing)
                task = tasks.create_task(self._read(reading), name=listener.reader)
                task.add_done_callback(lambda _: self._news.set())
                self._readings[listener_id] = reading, task

    async def _read(self, reading: Reading) -> None:
        """Run a reading; a fault of ours in one is no reason to end the session and the other readings."""
        try:
            await reading.run()
        except* StoreUnusable:
            raise
        except* Exception:  # noqa: BLE001 - logged whole, and begun anew at the next look
            _log.exception("%s: the reading failed and begins anew in a while", reading.listener.reader)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._closing.wait()

    async def _forget_ended(self) -> None:
        try:
            for listener in await self._listeners.forget_ended(self.session):
                await self.journal.forget_cursor(listener.reader)
                self._standings.pop(listener.id, None)
        except StoreUnusable as error:
            _log.error("%s: listeners that ended could not be forgotten: %s", self.session, error)
