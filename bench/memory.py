"""Memory growth: 300,000 messages through page, driver, session and store, with regular measurements.

`python -m bench.memory [MESSAGES]` prints the figures and draws docs/images/memory.png. The sandbox is a
separate process and is not counted; MQTT is not included.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.plot import Panel, draw
from bridge.app.clock import SystemClock
from bridge.contract.messages import Stream
from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.contract.status import MemoryUse
from bridge.core.budgets import Pacing
from bridge.core.inbound import InboundPipeline
from bridge.core.outbound import OutboundPipeline
from bridge.core.people import People
from bridge.core.session import Session
from bridge.drivers.web import Limits, PlaywrightRuntime, WebDriver
from bridge.drivers.web.page_memory import measure
from bridge.mqtt import MqttProgress
from bridge.sandbox import Sandbox
from bridge.store import open_store

IMAGE = Path(__file__).parent.parent / "docs" / "images" / "memory.png"
BURST, EVERY, CHATS = 500, 5_000, 50
TEXT = "¿Tienen turno para mañana a la tarde? Gracias, quedo a la espera. " * 3
PARTS = ("browser", "Playwright's driver", "bridge")


@dataclass(frozen=True, slots=True)
class Point:
    """Memory use after `messages` messages."""

    messages: int
    use: MemoryUse

    @property
    def values(self) -> tuple[int, int, int]:
        return self.use.browser_mb, self.use.driver_mb, self.use.bridge_mb


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def sandbox() -> None:
    """Child process: prints its address, then sends as many messages as each line of its input says."""
    async with Sandbox(auto_scan=True) as running:
        say(running.url)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            for _ in range(int(line)):
                number = len(running.world.state.messages)
                running.world.incoming(f"549115550{number % CHATS:04}@c.us", f"{number} {TEXT}")
            await asyncio.sleep(0)


async def run(total: int) -> list[Point]:
    """Return the points of the plot."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.memory", "sandbox", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("no pipes to the sandbox")
    clock, free = SystemClock(), Pace.parse("off", burst=1)
    try:
        url = (await child.stdout.readline()).decode().strip()
        with tempfile.TemporaryDirectory() as name:
            async with PlaywrightRuntime() as runtime, open_store(Path(name) / "store.db", now=clock.now) as store:
                driver = WebDriver(
                    "haby",
                    url=url,
                    profile=Path(name) / "profile",
                    playwright=runtime,
                    clock=clock,
                    random=random.random,
                    limits=replace(Limits(), idle=1.0, memory=5.0),
                )
                people = People("haby", store.people, store.memory, clock.now)
                await people.load()
                session = Session(
                    "haby",
                    owner="bench:0",
                    journal=store.journal,
                    outbox=store.outbox,
                    ledger=store.requests,
                    memory=store.memory,
                    driver=driver,
                    inbound=InboundPipeline(
                        "haby", 51, store.journal, store.outbox, store.memory, people, now=clock.now
                    ),
                    outbound=OutboundPipeline("haby", store.outbox, driver, clock, Pacing(free, free), people),
                    clock=clock,
                    progress=MqttProgress(),
                )
                running_session = asyncio.create_task(session.run(), name="session")
                try:
                    with session.view.watch() as changes:
                        while session.view.situation.state is not SessionState.CONNECTED:
                            await changes.get()
                    points = []
                    for sent in range(0, total + 1, BURST):
                        if sent:
                            child.stdin.write(f"{BURST}\n".encode())
                            await store.journal.wait_beyond(Stream.IN, sent - 1)
                        if sent % EVERY == 0:
                            points.append(Point(sent, await asyncio.to_thread(measure, Path(name) / "profile")))
                            say(f"{sent:7}  {points[-1].use}")
                    await asyncio.sleep(10)  # idle: the page is trimmed
                    points.append(Point(total, await asyncio.to_thread(measure, Path(name) / "profile")))
                    say(f"   idle  {points[-1].use}")
                    return points
                finally:
                    running_session.cancel()
                    await asyncio.wait([running_session])
    finally:
        child.stdin.close()
        await child.wait()


def main() -> None:
    if sys.argv[1:] == ["sandbox"]:
        asyncio.run(sandbox())
        return
    began = time.monotonic()
    points = asyncio.run(run(int(sys.argv[1]) if sys.argv[1:] else 300_000))
    title = f"Memory (PSS, MB) while {points[-1].messages:,} messages arrive in {time.monotonic() - began:.0f} s"
    panels = [
        Panel(
            f"{name}: {points[0].values[number]} to {points[-1].values[number]} MB",
            [(point.messages, point.values[number]) for point in points],
        )
        for number, name in enumerate(PARTS)
    ]
    asyncio.run(draw(IMAGE, title, panels, "messages"))


if __name__ == "__main__":
    main()
