"""`python -m tests.chaos.soak`: some hundred thousand messages through a bridge; plots memory, files and latency.

Time is accelerated: a day of retention lasts a fraction of a second, so that everything with a retention, even message
keys, expires within the run, as in years of use.

Broker, bridge, store and clients are real; WhatsApp is the scripted driver (`soak_program.py`), or Chromium with the
sandbox (`--page`), which is slower. Two readers keep a cursor: one reads continuously, the other pauses for longer than
the retention and must be notified of the gap.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import psutil

from bench.plot import Panel, draw
from bridge.client import Client, Gap, connect
from bridge.contract.errors import CodedError
from bridge.contract.replays import Cursor
from bridge.contract.session import SessionState
from bridge.ops.private_broker.child import tied_command
from bridge.sandbox import Sandbox
from bridge.sandbox.records import Contact
from bridge.sandbox.world import World
from tests.chaos.rig import SESSION, start
from tests.chaos.soak_program import CHATS
from tests.mosquitto_server import MosquittoServer

SLEEP = 25.0
RECIPIENTS = tuple(f"54911555001{number:02}" for number in range(8))


@dataclass(slots=True)
class Soak:
    total: int
    numbers: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    sent: int = 0
    not_sent: int = 0
    sleeper_read: int = 0
    sleeper_missing: int = 0
    sleeper_wrong: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)
    browser: list[tuple[float, float]] = field(default_factory=list)
    files: list[tuple[float, float]] = field(default_factory=list)
    inbound: list[tuple[float, float]] = field(default_factory=list)
    outbound: list[tuple[float, float]] = field(default_factory=list)

    async def read(self, client: Client) -> None:
        async for message in client.messages(SESSION):
            number, moment, _ = message.body.split(" ", 2)
            self.numbers.append(int(number))
            self.delays.append(time.time() - float(moment))

    async def sleep_and_read(self, client: Client) -> None:
        """A reader that pauses for longer than its messages are kept."""
        cursor: Cursor | None = None

        def report_gap(gap: Gap) -> None:
            self.sleeper_missing += gap.missing or 0
            nonlocal cursor
            cursor = gap.after

        while True:
            awake = time.monotonic() + 5
            messages = client.messages(SESSION, after=cursor, on_gap=report_gap)
            async for message in messages:
                if cursor is not None and message.seq != cursor.seq + 1:
                    self.sleeper_wrong += 1
                cursor = message.cursor
                self.sleeper_read += 1
                if time.monotonic() > awake:
                    break
            await messages.aclose()
            await asyncio.sleep(SLEEP)

    async def send(self, client: Client, recipient: str) -> None:
        """Send commands, one after the other."""
        number = 0
        while True:
            number += 1
            began = time.monotonic()
            try:
                result = await client.send(SESSION, recipient, f"{number}", id=uuid.uuid4().hex)
            except CodedError:
                self.not_sent += 1
                await asyncio.sleep(0.1)  # it may be raised immediately
                continue
            self.answers.append(time.monotonic() - began)
            self.sent += result.status == "sent"
            self.not_sent += result.status != "sent"
            await asyncio.sleep(0.1)

    async def write(self, world: World, client: Client, rate: float) -> None:
        """Messages on the sandbox's phone that contain the time of writing."""
        while (await client.status(SESSION)).state is not SessionState.CONNECTED:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        began = time.monotonic()
        for number in range(self.total):
            world.incoming(CHATS[number % len(CHATS)], f"{number} {time.time()} {'x' * 100}")
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await asyncio.Event().wait()

    async def watch(self, pid: int, store: Path, *, page: bool) -> None:
        """Record every second: memory, files, and the p99 delays since the last record."""
        process, began = psutil.Process(pid), time.monotonic()
        while True:
            await asyncio.sleep(1)
            at = time.monotonic() - began
            delays, self.delays = self.delays, []
            answers, self.answers = self.answers, []
            self.memory.append((at, process.memory_info().rss / 1e6))
            if page and int(at) % 5 == 0:
                self.browser.append((at, browser_memory(process)))
            with suppress(FileNotFoundError):
                self.files.append((at, sum(f.stat().st_size for f in store.parent.glob("store.db*")) / 1e6))
            if delays:
                self.inbound.append((at, sorted(delays)[int(len(delays) * 0.99)]))
            if answers:
                self.outbound.append((at, sorted(answers)[int(len(answers) * 0.99)]))


async def main() -> int:
    """Exit code 1 if something was lost, or memory or files grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--total", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--day", type=float, default=0.25, help="duration of a day of retention in seconds")
    parser.add_argument("--page", action="store_true", help="through Chromium, with the sandbox as WhatsApp")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    soak = Soak(options.total)
    async with AsyncExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))
        broker = stack.enter_context(MosquittoServer(Path(temporary) / "b"))
        sandbox = await stack.enter_async_context(Sandbox(auto_scan=True)) if options.page else None
        folder = Path(temporary)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
        environment = {
            **kept,
            "WA_MQTT_URL": broker.url("bridge"),
            "WA_DATA_DIR": str(folder / "data"),
            "WA_PACE": "off",
            "WA_HTTP_PORT": "off",
            "WA_LOG_LEVEL": "WARNING",
        }
        arguments = [str(options.day), str(options.total), str(options.rate)]
        if sandbox is not None:
            environment["WA_WEB_URL"], arguments = sandbox.url, arguments[:1]
            for address in (*CHATS, *(f"{number}@c.us" for number in RECIPIENTS)):
                sandbox.world.directory.add_contact(Contact(pn=address, name=address[-9:-5], saved=False))
        program = Path(__file__).with_name("soak_program.py")
        command = tied_command(sys.executable, str(program), *arguments)
        bridge = start(command, folder / "log", cwd=folder, env=environment)
        began = time.monotonic()
        store = folder / "data" / "sessions" / SESSION / "store.db"
        try:
            async with (
                connect(broker.url("reader"), name="reader") as reader,
                connect(broker.url("admin"), name="sleeper") as sleeper,
                connect(broker.url("sender"), name="sender") as sender,
            ):
                works = [
                    soak.read(reader),
                    soak.sleep_and_read(sleeper),
                    soak.watch(bridge.pid, store, page=options.page),
                ]
                works += [soak.send(sender, number) for number in RECIPIENTS]
                if sandbox is not None:
                    works.append(soak.write(sandbox.world, reader, options.rate))
                tasks = [asyncio.create_task(work, name=f"soak {number}") for number, work in enumerate(works)]
                limit = began + 60 + 4 * options.total / options.rate
                while len(soak.numbers) < options.total and time.monotonic() < limit:
                    done, _ = await asyncio.wait(tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                    if int(time.monotonic() - began) % 10 == 0:
                        print(f"{len(soak.numbers)} read, {soak.sent} sent", flush=True)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
        finally:
            bridge.terminate()
            bridge.wait(30)
        print((folder / "log").read_text()[-2000:])
    took = time.monotonic() - began
    memory_growth, file_growth = growth(soak.memory), growth(soak.files)
    lost = options.total - len(set(soak.numbers))
    repeated = len(soak.numbers) - len(set(soak.numbers))
    print(
        f"{len(soak.numbers):,} messages and {soak.sent:,} commands in {took:.0f} s; lost {lost}, repeated {repeated}, "
        f"not sent {soak.not_sent}; the sleeper read {soak.sleeper_read:,}, was notified of {soak.sleeper_missing:,} "
        f"deleted ones, {soak.sleeper_wrong} unreported; over the second half: memory {soak.memory[-1][1]:.0f} MB, "
        f"{memory_growth:+.1f}; files {soak.files[-1][1]:.1f} MB, {file_growth:+.1f}."
    )
    if options.plot:
        await draw(
            options.plot,
            f"{len(soak.numbers):,} messages, {soak.sent:,} commands, {'Chromium' if options.page else 'scripted'}",
            (
                Panel("bridge memory, MB", soak.memory),
                *([Panel("browser memory (PSS), MB", soak.browser)] if options.page else []),
                Panel("store with WAL, MB", soak.files),
                Panel("message to reader, p99 s", soak.inbound),
                Panel("command to result, p99 s", soak.outbound),
            ),
            "s",
        )
    return 1 if lost or repeated or soak.sleeper_wrong or soak.not_sent or memory_growth > 10 or file_growth > 2 else 0


def browser_memory(bridge: psutil.Process) -> float:
    """PSS in MB of all Chromium processes of the bridge; shared pages are counted once."""
    total = 0.0
    for process in bridge.children(recursive=True):
        with suppress(psutil.Error):
            if "chrom" in process.name():
                total += process.memory_full_info().pss / 1e6
    return total


def growth(points: list[tuple[float, float]]) -> float:
    """Growth over the second half: mean of its last twenty values minus mean of its first twenty."""
    half = [value for _, value in points[len(points) // 2 :]]
    return mean(half[-20:]) - mean(half[:20])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
