"""One publisher and many subscribers of its topic, on a mosquitto with the shipped configuration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from bench.figures import percentile
from bench.stage import SESSION, TOPICS, Stage, program

MESSAGES, EVERY = 20, 0.2


@dataclass(frozen=True, slots=True)
class Fanout:
    """Milliseconds from publish to a subscriber (median) and to the last one (median), the broker's CPU a message."""

    subscribers: int
    median: float
    last: float
    cpu: float


async def fan_out(stage: Stage, counts: Sequence[int]) -> list[Fanout]:
    """Publish `MESSAGES` messages of 400 characters to each count of subscribers. Raises if one is missing."""
    return [await _fan_out(stage, count) for count in counts]


async def _fan_out(stage: Stage, count: int) -> Fanout:
    topic, broker = TOPICS.inbound(SESSION), psutil.Process(stage.mosquitto.pid)
    url = stage.mosquitto.url("reader")
    async with (
        program("curves.subscribers_program", url, topic, str(count), str(MESSAGES)) as subscribers,
        stage.connection("bridge") as publishing,
    ):
        while await subscribers.line() < count:
            continue
        used, published = _cpu(broker), []
        for number in range(MESSAGES):
            published.append(time.time())
            await publishing.publish(topic, f"{number:400}")
            await asyncio.sleep(EVERY)
        arrived: list[list[float]] = await subscribers.line()
        used = _cpu(broker) - used
    if any(len(times) != count for times in arrived):
        raise AssertionError("a subscriber missed a message")
    delays = [[(at - began) * 1000 for at in times] for began, times in zip(published, arrived, strict=True)]
    return Fanout(
        count,
        percentile([delay for message in delays for delay in message], 0.5),
        percentile([max(message) for message in delays], 0.5),
        used / MESSAGES * 1000,
    )


def _cpu(process: psutil.Process) -> float:
    processes = [process, *process.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in processes)
