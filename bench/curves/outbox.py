"""The outbox against its open commands: opening the store, reading what is open, a durable claim."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import percentile
from bridge.contract.commands import Priority
from bridge.contract.jid import Jid, Server
from bridge.contract.kinds import Text
from bridge.ports import Claim, NewNotice
from bridge.store import open_store

#: Claims that are measured one after the other, and claims that wait at once while the outbox is filled.
MEASURED, AT_ONCE = 200, 2000
PERSON = str(Jid("5491155500001", Server.USER))


@dataclass(frozen=True, slots=True)
class OutboxCost:
    """Milliseconds to open the store, to read the open commands, of a durable claim (p50); bytes of file a command."""

    commands: int
    opened: float
    read: float
    claim: float
    size: float


async def outbox(folder: Path, counts: Sequence[int]) -> list[OutboxCost]:
    """Measure a store with each count of open commands."""
    return [await _outbox(folder / f"outbox-{count}.db", count) for count in counts]


async def _outbox(path: Path, count: int) -> OutboxCost:
    async with open_store(path, now=time.time) as store:
        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count))
            await asyncio.gather(*(store.outbox.claim(_claim(number), _accepted(number)) for number in numbers))
        await store.outbox.published(range(1, count + 1))  # as after a working broker
    size = (await asyncio.to_thread(path.stat)).st_size / count
    began = time.perf_counter()
    async with open_store(path, now=time.time) as store:
        opened = time.perf_counter()
        if len(await store.outbox.open_rows()) != count:
            raise AssertionError("not all commands are open")
        read = time.perf_counter()
        times = []
        for number in range(count, count + MEASURED):
            started = time.perf_counter()
            await store.outbox.claim(_claim(number), _accepted(number))
            times.append((time.perf_counter() - started) * 1000)
    return OutboxCost(count, (opened - began) * 1000, (read - opened) * 1000, percentile(times, 0.5), size)


def _claim(number: int) -> Claim:
    now, text = time.time(), f"command {number}, as long as people write them"
    return Claim(f"curve-{number}", PERSON, Text(text), text, Priority.BULK, now, now + 86_400)


def _accepted(number: int) -> NewNotice:
    return NewNotice("result", f'{{"id":"curve-{number}","status":"accepted"}}')
