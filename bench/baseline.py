"""Baseline of the machine without the bridge: a delivery through the broker, a durable commit, a call from a page."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

from playwright.async_api import Page

from bench.stage import TOPICS, Stage

TOPIC = TOPICS.inbound("bench")


async def broker(stage: Stage, *, count: int) -> list[float]:
    """Milliseconds from publish to delivery, one message at a time, two connections, QoS 1."""
    times = []
    async with stage.connection("bridge") as publishing, stage.connection("reader") as reading:
        await reading.subscribe(TOPIC)
        deliveries = reading.deliveries()
        for number in range(count):
            began = time.perf_counter()
            sending = asyncio.create_task(publishing.publish(TOPIC, f"{number:400}"), name="publish")
            async for delivery in deliveries:
                times.append((time.perf_counter() - began) * 1000)
                reading.acknowledge(delivery)
                break
            await sending
            await asyncio.sleep(0.005)
    return times


async def throughput(stage: Stage, *, count: int) -> float:
    """Messages per second until the last PUBACK, pipelined, one publisher."""
    async with stage.connection("bridge") as publishing:
        began = time.perf_counter()
        await asyncio.gather(*(publishing.publish(TOPIC, f"{number:400}") for number in range(count)))
        return count / (time.perf_counter() - began)


def commits(stage: Stage, *, count: int) -> list[float]:
    """Milliseconds to commit one row in one transaction, WAL, synchronous=FULL."""
    times = []
    with closing(sqlite3.connect(stage.folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body TEXT)")
        for number in range(count):
            began = time.perf_counter()
            connection.execute("INSERT INTO rows (body) VALUES (?)", (f"{number:400}",))
            times.append((time.perf_counter() - began) * 1000)
    return times


async def page_batch(page: Page, *, count: int) -> list[float]:
    """Milliseconds from the page to Python through a binding, one message of 400 characters at a time."""
    times = []
    received: asyncio.Queue[float] = asyncio.Queue()

    def take(source: object, sent: float, text: str) -> None:
        del source, text
        received.put_nowait(time.time() * 1000 - sent)

    name = f"benchSend{time.monotonic_ns()}"
    await page.expose_binding(name, take)
    for _ in range(count):
        await page.evaluate(
            "(name) => { setTimeout(() =>"
            " window[name](performance.timeOrigin + performance.now(), 'x'.repeat(400)), 2); }",
            name,
        )
        times.append(await received.get())
    return times
