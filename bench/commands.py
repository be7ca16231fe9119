"""Rate of commands on `out`, until the bridge's PUBACK (after the durable claim), and until the `accepted` result."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from bench.puback_counter import PubackCounter
from bench.stage import SESSION, TIMEOUT, TOPICS, Stage
from bridge.broker import BrokerConnection


@dataclass(frozen=True, slots=True)
class Claims:
    """Commands per second: until the bridge's last PUBACK, and until a subscriber has the last `accepted` result."""

    acknowledged: float
    accepted: float


async def claimed(stage: Stage, counter: PubackCounter, *, count: int, run: int) -> Claims:
    """Publish `count` commands at once. The session must be closed, so that nothing is sent."""
    async with stage.connection() as results, stage.connection("sender") as sending:
        await results.subscribe(TOPICS.result(SESSION))
        names = [f"bench-{run}-{number:06}" for number in range(count)]
        commands = [
            json.dumps({"id": name, "to": "5491155500001", "message": "a command of the benchmark", "ttl": 30})
            for name in names
        ]
        last_result = asyncio.create_task(_last_accepted(results, set(names)), name="results")
        last_puback = counter.begin(count)
        began = time.perf_counter()
        await asyncio.gather(*(sending.publish(TOPICS.out(SESSION), command) for command in commands))
        async with asyncio.timeout(TIMEOUT):
            return Claims(count / (await last_puback - began), count / (await last_result - began))


async def control(stage: Stage, action: str) -> None:
    """Send a control action and wait until it is done."""
    async with stage.connection() as connection, asyncio.timeout(TIMEOUT):
        await connection.subscribe(TOPICS.result(SESSION))
        await connection.publish(TOPICS.control(SESSION), json.dumps({"action": action, "id": action}))
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            result = json.loads(delivery.payload)
            if result["id"] == action and result["status"] == "done":
                return


async def _last_accepted(connection: BrokerConnection, waiting: set[str]) -> float:
    at = 0.0
    async for delivery in connection.deliveries():
        connection.acknowledge(delivery)
        result = json.loads(delivery.payload)
        if result["status"] == "accepted":
            waiting.discard(result["id"])
            at = time.perf_counter()
        if not waiting:
            break
    return at
