"""One message and many webhooks: the time until the last one has it, through the bridge and through the legacy pair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from bench.figures import percentile
from bench.rivals.contenders import LEGACY, OURS, Running, contenders
from bench.rivals.measures import MARK, PEOPLE
from bench.stage import Program, Stage, phone, program

MESSAGES = 3
#: Seconds between two messages, and more for each listener: the pair posts to one after the other.
PAUSE, PAUSE_EACH = 0.5, 0.006


@dataclass(frozen=True, slots=True)
class Notified:
    """Milliseconds (median) from the page's event until the last of `listeners` webhooks has the message."""

    listeners: int
    ours: float
    legacy: float


async def notify(stage: Stage, counts: Sequence[int]) -> list[Notified]:
    """Measure each count with both programs, in turn."""
    found: dict[str, list[float]] = {OURS: [], LEGACY: []}
    async with contenders(stage, (OURS, LEGACY)) as both:
        for contender in both:
            async with contender.running() as running:
                await asyncio.sleep(1)  # a start goes on after `connected`: it is not part of the first count
                for count in counts:
                    found[contender.name].append(await _until_the_last(running, count))
    return [Notified(*row) for row in zip(counts, found[OURS], found[LEGACY], strict=True)]


async def _until_the_last(running: Running, count: int) -> float:
    async with _listeners(running, count) as listeners, phone(running.stage) as api:
        async with running.stage.page() as page:
            await page.evaluate(MARK)
        for number in range(MESSAGES):
            body = {"chat": PEOPLE[number], "body": f"message {number}, as long as people write them"}
            (await api.post("/incoming", json=body)).raise_for_status()
            await asyncio.sleep(PAUSE + count * PAUSE_EACH)
        rows: list[tuple[str, str, float]] = await listeners.line()
        async with running.stage.page() as page:
            added: dict[str, float] = dict(await page.evaluate("() => benchAdded.splice(0)"))
    last: dict[str, float] = {}
    for _, raw_id, at in rows:
        last[raw_id] = max(at, last.get(raw_id, 0.0))
    return percentile([at * 1000 - added[raw_id] for raw_id, at in last.items()], 0.5)


@asynccontextmanager
async def _listeners(running: Running, count: int) -> AsyncIterator[Program]:
    async with (
        program("rivals.receiver_program", str(count * MESSAGES)) as received,
        httpx.AsyncClient(base_url=running.http or "", trust_env=False, timeout=30) as client,
    ):
        port = (await received.line())["port"]
        bodies = [{"callbackUrl": f"http://127.0.0.1:{port}/{number}"} for number in range(count)]
        for body in bodies:
            (await client.post("/api/whatsapp/register-listener", json=body)).raise_for_status()
        try:
            yield received
        finally:
            for body in bodies:
                (await client.post("/api/whatsapp/unregister-listener", json=body)).raise_for_status()
