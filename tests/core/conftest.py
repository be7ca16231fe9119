"""A real session without MQTT: the core over the scripted driver and the real store, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.commands import SendCommand
from bridge.contract.messages import Result, Stream
from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.core.budgets import Pacing
from bridge.core.call_policy import CallPolicy
from bridge.core.catch_up import CatchUpLimits
from bridge.core.inbound import InboundPipeline
from bridge.core.outbound import OutboundPipeline
from bridge.core.outgoing_files import OutgoingFiles
from bridge.core.people import People
from bridge.core.session import Session
from bridge.core.session_view import StateChange
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.mqtt import MqttProgress
from bridge.ops.voice_conversion import FfmpegVoice
from bridge.ports import CommandOrigin, ReplyTo
from bridge.store import SessionStore, open_store
from bridge.store.media_files import MediaFiles
from bridge.webhooks.callback_url import CallbackRules
from bridge.webhooks.file_fetcher import FileFetcher
from tests.clocks import FakeClock

FREE = Pacing(Pace.parse("off", burst=1), Pace.parse("off", burst=1))
HERE = 10.0
Around = Callable[[Any], Any]


class SessionHarness:
    """One session on one store and one phone, both of which outlive it."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.path = folder / "haby" / "store.db"
        self.clock = clock
        self.phone = ScriptedPhone(clock, paired=True, paired_at=int(clock.now()))
        self.pacing = FREE
        self.media = MediaFiles(folder / "media")
        self.voice = FfmpegVoice()
        self.file_limit = 1 << 20
        self.catch_up: CatchUpLimits = CatchUpLimits()
        self.calls = CallPolicy()
        self.store: SessionStore
        self.session: Session
        self._open = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None

    @property
    def files(self) -> OutgoingFiles:
        """As the bridge has them, but fetched from this machine."""
        fetcher = FileFetcher(CallbackRules.of_files("loopback"), own_port=None, timeout=2.0)
        return OutgoingFiles(self.media, fetcher, self.voice, limit=self.file_limit)

    @property
    def outbound(self) -> OutboundPipeline:
        return self.session.outbound

    @property
    def state(self) -> SessionState:
        return self.session.view.situation.state

    async def start(
        self,
        *,
        connected: bool = True,
        around_driver: Around = lambda part: part,
        around_outbox: Around = lambda part: part,
        around_files: Around = lambda part: part,
        around_ledger: Around = lambda part: part,
    ) -> None:
        """Start as a new process would; `around_*` wraps the real driver or outbox."""
        self.store = await self._open.enter_async_context(open_store(self.path, now=self.clock.now))
        outbox = around_outbox(self.store.outbox)
        driver = around_driver(ScriptedDriver(self.phone))
        people = People("haby", self.store.people, self.store.memory, self.clock.now)
        await people.load()
        self.session = Session(
            "haby",
            owner="test:0",
            journal=self.store.journal,
            outbox=outbox,
            ledger=around_ledger(self.store.requests),
            memory=self.store.memory,
            driver=driver,
            inbound=InboundPipeline(
                "haby", 51, self.store.journal, self.store.outbox, self.store.memory, people, now=self.clock.now
            ),
            outbound=OutboundPipeline(
                "haby", outbox, driver, self.clock, self.pacing, people, files=around_files(self.files)
            ),
            clock=self.clock,
            progress=MqttProgress(),
            catch_up=self.catch_up,
            calls=self.calls,
        )
        self._running = asyncio.create_task(self.session.run(), name="session under test")
        if connected:
            await self.reach(SessionState.CONNECTED)

    async def end(self) -> None:
        """End abruptly, as far as one process can: running work is not finished."""
        if self._running is None:
            return
        running, self._running = self._running, None
        running.cancel()
        await asyncio.wait([running])
        await self._open.aclose()
        if not running.cancelled():
            running.result()

    async def again(self, **options: Any) -> None:
        """Restart as after a kill."""
        await self.end()
        await self.start(**options)

    async def reach(self, state: SessionState) -> None:
        with self.session.view.watch() as changes:
            async with asyncio.timeout(HERE):
                while self.state is not state:
                    self._raise_if_ended()
                    await changes.get()

    @asynccontextmanager
    async def disconnecting(self) -> AsyncIterator[None]:
        """On the way out, wait until the connection was lost since the way in, for a moment at least."""
        with self.session.view.watch() as changes:
            yield
            async with asyncio.timeout(HERE):
                while True:
                    change = await changes.get()
                    if isinstance(change, StateChange) and change.situation.state is not SessionState.CONNECTED:
                        return

    async def until(self, condition: Callable[[], bool]) -> None:
        """Poll a condition that no event announces."""
        async with asyncio.timeout(HERE):
            while not condition():
                self._raise_if_ended()
                await asyncio.sleep(0.002)

    def advance(self, seconds: float) -> None:
        """Move time and wake the outbound loop."""
        self.clock.advance(seconds)
        self.outbound._wake.set()

    async def submit(
        self, command: SendCommand, *, origin: CommandOrigin | None = None, client: str | None = None
    ) -> Result:
        return await self.outbound.submit(command, origin=origin, reply_to=None if client is None else ReplyTo(client))

    async def reported(self, command_id: str, count: int) -> list[str]:
        """Wait for `count` results and acks of a command; returns `status`, `status:code` or `ack`, in order."""
        found: list[str] = []
        async with asyncio.timeout(HERE):
            while len(found := await self.reported_now(command_id)) < count:
                self._raise_if_ended()
                await asyncio.sleep(0.002)
        return found

    async def concluded(self, command_id: str) -> None:
        """Wait for the report that none follows: the server's ack, or that the outcome is unknown."""
        async with asyncio.timeout(HERE):
            while (await self.reported_now(command_id))[-1:] not in (["server"], ["unknown"]):
                self._raise_if_ended()
                await asyncio.sleep(0.002)

    async def reported_now(self, command_id: str) -> list[str]:
        return [_short(payload) for payload in await self.notices() if payload["id"] == command_id]

    async def notices(self) -> list[dict[str, Any]]:
        return [json.loads(notice.body) for notice in await self.store.outbox.unpublished(0, 10_000)]

    async def stream(self, stream: Stream, count: int) -> list[dict[str, Any]]:
        """Wait until a stream has `count` items; returns all of them."""
        async with asyncio.timeout(HERE):
            await self.store.journal.wait_beyond(stream, count - 1)
        page = await self.store.journal.read(stream, 0, 1000)
        return [json.loads(body) for _, body in page.items]

    async def settled(self) -> None:
        """Return once the driver has delivered everything and no send runs."""
        await self.until(lambda: not self.phone.live)
        await self.outbound.drain()

    def sent(self) -> list[tuple[str, int]]:
        """Sent texts, and how often each was delivered."""
        return [(sent.text, sent.times) for sent in self.phone.sent]

    def _raise_if_ended(self) -> None:
        if self._running is not None and self._running.done():
            self._running.result()


def _short(payload: dict[str, Any]) -> str:
    if "ack" in payload:
        return str(payload["ack"])
    error = payload.get("error")
    return f"{payload['status']}:{error['code']}" if error else str(payload["status"])


@asynccontextmanager
async def session_harness(folder: Path, clock: FakeClock) -> AsyncIterator[SessionHarness]:
    harness = SessionHarness(folder, clock)
    try:
        yield harness
    finally:
        await harness.end()


@pytest.fixture
async def harness(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SessionHarness]:
    async with session_harness(tmp_path, clock) as harness:
        yield harness
