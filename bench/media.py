"""Benchmark of files: from the page's event to `ready`, uploads and sends, and text beside a burst of pictures.

    python -m bench.media [--write] [--quick]

The path is the real one: the sandbox's servers, Chromium with wa-js, the bridge, mosquitto, a subscriber. The double
downloads, decrypts and hashes in the page as WhatsApp Web does; that part is measured alone, too (`raw`).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.figures import Figure, percentile
from bench.inbound import LISTEN
from bench.report import report
from bench.stage import SESSION, TIMEOUT, TOPICS, Stage, phone, pss, stage
from bridge.broker import BrokerConnection
from bridge.contract.session import SessionState
from tests.mosquitto_server import free_port

MB = 1_000_000  # as in settings
CHAT, OTHER = "5491155500001", "5491155500002"
#: Bytes of a picture of the burst, texts per second beside it, and seconds of texts alone, before and after it.
PICTURE, PACE, QUIET = 20_000, 10.0, 10.0
_BYTES = {"Content-Type": "application/octet-stream"}
BEGIN, END = "<!-- written by python -m bench.media -->\n", "<!-- end of bench.media -->\n"
#: Runs in the page: seconds that WhatsApp Web's part of a download takes, without the bridge.
_DOWNLOAD = """async (id) => {
  const began = performance.now();
  await WPP.chat.downloadMedia(id);
  return (performance.now() - began) / 1000;
}"""


class Watcher:
    """A subscriber to messages and events; knows when each message came and when its file was ready (unix seconds)."""

    def __init__(self, connection: BrokerConnection) -> None:
        self._connection = connection
        self._changed = asyncio.Condition()
        self.came: dict[str, float] = {}
        self.ready: dict[str, float] = {}
        self.results: dict[str, str] = {}

    async def run(self) -> None:
        async for delivery in self._connection.deliveries():
            now = time.time()
            self._connection.acknowledge(delivery)
            fields = json.loads(delivery.payload)
            async with self._changed:
                if delivery.topic == TOPICS.result(SESSION):
                    self.results[fields["id"]] = fields["status"]
                elif delivery.topic == TOPICS.inbound(SESSION):
                    self.came[_raw(fields["id"])] = now
                elif fields["kind"] == "media" and fields["state"] == "ready":
                    self.ready[_raw(fields["message_id"])] = now
                self._changed.notify_all()

    async def until(self, holds: Callable[[], bool], within: float = TIMEOUT) -> None:
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(holds)


class PageConsole:
    """The bridge's page through the browser's debugging port, with nothing in between: Playwright would take over where
    the page's downloads go."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, once it is settled."""
        self._number += 1
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        await self._socket.send(json.dumps({"id": self._number, "method": "Runtime.evaluate", "params": parameters}))
        async with asyncio.timeout(TIMEOUT):
            while (answer := json.loads(await self._socket.recv())).get("id") != self._number:
                pass
        if "exceptionDetails" in answer["result"]:
            raise AssertionError(answer["result"]["exceptionDetails"])
        return answer["result"]["result"].get("value")

    async def announced(self) -> dict[str, float]:
        """When wa-js announced each message since `LISTEN`, by its id; unix milliseconds."""
        return dict(await self.evaluate("benchEvents"))


@asynccontextmanager
async def console(stage: Stage) -> AsyncIterator[PageConsole]:
    """The page's console, which records announced messages from now on."""
    async with httpx.AsyncClient(trust_env=False) as http:
        targets = (await http.get(f"http://127.0.0.1:{stage.debugging_port}/json")).json()
    url = next(one["webSocketDebuggerUrl"] for one in targets if one["type"] == "page")
    async with connect(url, max_size=None, proxy=None) as socket:
        page = PageConsole(socket)
        await page.evaluate(f"({LISTEN})()")
        yield page


@asynccontextmanager
async def watching(stage: Stage) -> AsyncIterator[Watcher]:
    """A watcher of everything that the bridge publishes for the session."""
    async with stage.connection() as connection:
        await connection.subscribe(TOPICS.inbound(SESSION), TOPICS.event(SESSION), TOPICS.result(SESSION))
        watcher = Watcher(connection)
        running = asyncio.create_task(watcher.run(), name="watcher")
        try:
            yield watcher
        finally:
            running.cancel()
            await asyncio.wait([running])


class Highest:
    """The highest PSS of a process in megabytes, looked at all the time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.seen = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self._look(), name="memory")
        try:
            yield
        finally:
            running.cancel()

    async def _look(self) -> None:
        while True:
            self.seen = max(self.seen, await asyncio.to_thread(pss, self._pid))
            await asyncio.sleep(0.05)


async def sent_file(api: httpx.AsyncClient, content: bytes, kind: str, chat: str = CHAT) -> str:
    """A contact sends a file; returns the id of its message as the page has it."""
    answer = await api.post(
        "/incoming/file",
        params={"chat": chat, "type": kind, "filename": "archivo.bin"},
        content=content,
        headers={"Content-Type": "image/jpeg" if kind == "image" else "application/octet-stream"},
        timeout=TIMEOUT,
    )
    answer.raise_for_status()
    return str(answer.json()["serialized"])


async def to_ready(stage: Stage, watcher: Watcher, size: int, kind: str, count: int) -> list[float]:
    """Seconds from the page's event to the subscriber's `ready`, one file after the other."""
    found = []
    async with phone(stage) as api, console(stage) as page:
        for number in range(count):
            name = _raw(await sent_file(api, _content(size, number), kind))
            await watcher.until(lambda: name in watcher.ready)  # noqa: B023 - awaited here
            found.append(watcher.ready[name] - (await page.announced())[name] / 1000)
    return found


async def page_alone(stage: Stage, watcher: Watcher, size: int, count: int) -> list[float]:
    """Seconds of WhatsApp Web's own part for files that the bridge leaves alone: they must be above its limit."""
    found = []
    async with phone(stage) as api, console(stage) as page:
        for number in range(count):
            identifier = await sent_file(api, _content(size, 500 + number), "document")
            await watcher.until(lambda: _raw(identifier) in watcher.came)  # noqa: B023 - awaited here
            found.append(float(await page.evaluate(f"({_DOWNLOAD})({json.dumps(identifier)})")))
    return found


async def uploaded_and_sent(stage: Stage, watcher: Watcher, url: str, size: int, number: int) -> tuple[float, float]:
    """Seconds of an upload to `/v1/media`, and from the command to its result `sent`."""
    content = _content(size, 1000 + number)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=TIMEOUT) as http:
        began = time.perf_counter()
        (await http.post("/v1/media", content=content, headers=_BYTES)).raise_for_status()
        uploaded = time.perf_counter() - began
    name = f"bench-media-{size}-{number}"
    document = {"sha256": hashlib.sha256(content).hexdigest(), "filename": "a.bin"}
    async with stage.connection("sender") as sender:
        began = time.perf_counter()
        await sender.publish(TOPICS.out(SESSION), json.dumps({"id": name, "to": CHAT, "document": document}))
        await watcher.until(lambda: watcher.results.get(name) not in (None, "accepted"))
    if watcher.results[name] != "sent":
        raise AssertionError(watcher.results[name])
    return uploaded, time.perf_counter() - began


async def texts(stage: Stage, watcher: Watcher, until: Callable[[], bool]) -> list[float]:
    """Milliseconds from the page's event of a text to the subscriber, at a steady pace, until a condition holds."""
    async with phone(stage) as api, console(stage) as page:
        identifiers: list[str] = []
        began = time.monotonic()
        while not until():
            answer = await api.post("/incoming", json={"chat": OTHER, "body": f"message {len(identifiers)}"})
            identifiers.append(_raw(answer.json()["serialized"]))
            await asyncio.sleep(max(0.0, began + len(identifiers) / PACE - time.monotonic()))
        await watcher.until(lambda: identifiers[-1] in watcher.came)
        announced = await page.announced()
    return [watcher.came[one] * 1000 - announced[one] for one in identifiers]


async def in_quiet(stage: Stage, watcher: Watcher) -> list[float]:
    """Latencies of texts with nothing beside them, in ms."""
    ended = time.monotonic() + QUIET
    return await texts(stage, watcher, lambda: time.monotonic() > ended)


async def beside_pictures(stage: Stage, watcher: Watcher, count: int) -> tuple[list[float], list[float], float]:
    """Latencies of texts in quiet and beside `count` pictures at once, in ms; pictures per second. None may be lost.

    Quiet is measured before the pictures and after them, since the load by other programs changes all the time.
    """
    quiet = await in_quiet(stage, watcher)
    names: list[str] = []
    began = time.monotonic()

    async def pictures() -> None:
        async with phone(stage) as api:
            for number in range(count):
                name = _raw(await sent_file(api, _content(PICTURE, 10_000 + number), "image"))
                names.append(name)

    def is_over() -> bool:
        return len(names) == count and all(name in watcher.ready for name in names)

    async with asyncio.timeout(60 + count), asyncio.TaskGroup() as tasks:
        tasks.create_task(pictures(), name="pictures")
        busy = await texts(stage, watcher, is_over)
    rate = count / (time.monotonic() - began)
    return quiet + await in_quiet(stage, watcher), busy, rate


async def measure(folder: Path, pictures: int, runs: int) -> list[Figure]:
    """Measure everything on a stage of its own."""
    async with stage(folder) as environment:
        port = free_port()
        async with environment.bridge(WA_HTTP_PORT=str(port)) as bridge, watching(environment) as watcher:
            await environment.until(SessionState.CONNECTED)
            highest = Highest(bridge.pid)
            async with highest.watched():
                small = await to_ready(environment, watcher, MB, "image", 4 * runs)
                large = await to_ready(environment, watcher, 64 * MB, "document", runs)
                alone = await page_alone(environment, watcher, 64 * MB + 1, runs)
                out = [
                    await uploaded_and_sent(environment, watcher, f"http://127.0.0.1:{port}", 64 * MB, number)
                    for number in range(runs)
                ]
            quiet, busy, rate = await beside_pictures(environment, watcher, pictures)
    ratio = percentile(busy, 0.5) / percentile(quiet, 0.5)
    return [
        Figure("1 MB picture: page event → ready", "ms", tuple(1000 * each for each in small), 150),
        Figure("64 MB document: page event → ready", "s", tuple(large), 3),
        Figure("raw: WhatsApp Web's download of 64 MB, in the page", "s", tuple(alone), raw=True),
        Figure("64 MB: upload to /v1/media", "s", tuple(uploaded for uploaded, _ in out)),
        Figure("64 MB: command → sent", "s", tuple(sent for _, sent in out), 3),
        Figure("PSS of the bridge's process meanwhile, highest", "MB", (highest.seen,), 90),
        Figure("text: page event → subscriber, p50, quiet", "ms", (percentile(quiet, 0.5),)),
        Figure(f"text: the same beside {pictures:,} pictures at once", "ms", (percentile(busy, 0.5),)),
        Figure("text: beside the pictures ÷ quiet", "×", (ratio,), 2),
        Figure("pictures per second until all are ready", "/s", (rate,), more_is_better=True),
    ]


def _content(size: int, number: int) -> bytes:
    return random.Random(number).randbytes(size)  # noqa: S311 - test data


def _raw(identifier: Any) -> str:
    return str(identifier).split("_")[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.media", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/BENCHMARKS.md")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pictures")
    options = parser.parse_args()
    pictures, runs = (100, 2) if options.quick else (1000, 3)
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        report(lambda: asyncio.run(measure(Path(folder), pictures, runs)), BEGIN, END, write=options.write, runs=runs)


if __name__ == "__main__":
    main()
