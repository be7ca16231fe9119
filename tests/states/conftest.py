"""A whole session on the real page: store, core, web driver, browser, wa-js and sandbox. Only MQTT is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.commands import SendCommand, checked
from bridge.contract.messages import Stream
from bridge.contract.pace import Pace
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.budgets import Pacing
from bridge.core.catch_up import CatchUpLimits
from bridge.core.inbound import InboundPipeline
from bridge.core.outbound import OutboundPipeline
from bridge.core.people import People
from bridge.core.session import Session
from bridge.core.session_view import StateChange
from bridge.drivers.web import Limits
from bridge.mqtt import MqttProgress
from bridge.store import SessionStore, open_store
from tests.drivers.conftest import runtime as runtime  # noqa: PLC0414 - fixtures
from tests.drivers.conftest import web as web  # noqa: PLC0414
from tests.drivers.worlds import LIMITS, SystemClock, WebWorld

FREE = Pacing(Pace.parse("off", burst=1), Pace.parse("off", burst=1))
TIMEOUT = 25.0
CATCH_UP = CatchUpLimits()
#: What takes minutes in production takes about a second here.
QUICK = replace(LIMITS, no_site=0.5, missing_functions=1.0, link_down=1.5, refused=1.0, replaced=1.5, restarts=50)


class LiveSession:
    """One session; `situations` records every situation that it reported, in order."""

    def __init__(
        self,
        web: WebWorld,
        folder: Path,
        limits: Limits,
        browser_args: tuple[str, ...],
        catch_up: CatchUpLimits,
    ) -> None:
        self.web = web
        self._catch_up = catch_up
        self.driver = web.web_driver(limits=limits, browser_args=browser_args)
        self.situations: list[Situation] = []
        self.seen = 0
        self.session: Session
        self._path = folder / "store.db"
        self.store: SessionStore
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LiveSession]:
        clock = SystemClock()
        async with AsyncExitStack() as stack:
            self.store = await stack.enter_async_context(open_store(self._path, now=clock.now))
            outbox, journal, memory = self.store.outbox, self.store.journal, self.store.memory
            people = People("haby", self.store.people, memory, clock.now)
            await people.load()
            self.session = Session(
                "haby",
                owner="test:0",
                journal=journal,
                outbox=outbox,
                ledger=self.store.requests,
                memory=memory,
                driver=self.driver,
                inbound=InboundPipeline("haby", 51, journal, outbox, memory, people, now=clock.now),
                outbound=OutboundPipeline("haby", outbox, self.driver, clock, FREE, people),
                clock=clock,
                progress=MqttProgress(),
                catch_up=self._catch_up,
            )
            changes = stack.enter_context(self.session.view.watch())

            async def follow() -> None:
                while True:
                    change = await changes.get()
                    if isinstance(change, StateChange):
                        self.situations.append(change.situation)
                    self._changed.set()

            tasks = [
                asyncio.create_task(follow(), name="session changes"),
                asyncio.create_task(self.session.run(), name="session under test"),
            ]
            self._run = tasks[1]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                with suppress(asyncio.CancelledError):
                    tasks[1].result()

    async def until(self, condition: Callable[[], object], limit: float = TIMEOUT) -> None:
        """Wait until the condition holds; checks it after every change, and periodically."""
        async with asyncio.timeout(limit):
            while not condition():
                if self._run.done():
                    self._run.result()
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()

    async def reach(self, state: SessionState, reason: Reason | None = None, limit: float = TIMEOUT) -> Situation:
        """Wait for a situation after the last one reached."""

        def position() -> int | None:
            positions = range(self.seen, len(self.situations))
            matches = (
                n
                for n in positions
                if self.situations[n].state is state and reason in (None, self.situations[n].reason)
            )
            return next(matches, None)

        try:
            await self.until(lambda: position() is not None, limit)
        except TimeoutError:
            reported = self.situations[self.seen :]
            raise AssertionError(f"{state} ({reason}) not within {limit:g} s; reported: {reported}") from None
        found = position()
        assert found is not None
        self.seen = found + 1
        return self.situations[found]

    async def inbox(self, count: int = 0) -> list[dict[str, Any]]:
        """What was published to `in`; waits for `count` messages first."""
        async with asyncio.timeout(TIMEOUT):
            await self.store.journal.wait_beyond(Stream.IN, count - 1) if count else None
        page = await self.store.journal.read(Stream.IN, 0, 10_000)
        return [json.loads(body) for _, body in page.items]

    async def send(self, to: str, text: str) -> str:
        """Claim a send; returns its id."""
        result = await self.session.outbound.submit(checked(SendCommand, {"to": to, "message": text}))
        return result.id

    async def until_published(self, command_id: str, expected: list[str]) -> None:
        """Wait until exactly these results and acks of a command were published, in order."""
        published: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                while published != expected:
                    notices = [json.loads(n.body) for n in await self.store.outbox.unpublished(0, 10_000)]
                    published = [n.get("ack") or n["status"] for n in notices if n["id"] == command_id]
                    await asyncio.sleep(0.02)
        assert published == expected


Live = Callable[..., Any]


@pytest.fixture
def live(web: WebWorld, tmp_path: Path) -> Live:
    """`async with live() as life`: not paired; `paired=True`: connected."""

    @asynccontextmanager
    async def start(
        *,
        paired: bool = False,
        limits: Limits = QUICK,
        browser_args: tuple[str, ...] = (),
        catch_up: CatchUpLimits = CATCH_UP,
    ) -> AsyncIterator[LiveSession]:
        async with LiveSession(web, tmp_path, limits, browser_args, catch_up).running() as life:
            if paired:
                await life.reach(SessionState.PAIRING)
                await life.until(lambda: life.session.view.qr)
                web.pair()
                await life.reach(SessionState.CONNECTED)
            yield life

    return start
