"""From a command on `out` to its PUBACK by the bridge, which comes after the durable claim.

The broker's own PUBACK to the sender says nothing, so the bridge is asked: each claim is followed by an `accepted`
result in the same commit, and the time runs until the last of those has reached a subscriber.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

from .parts import PATIENCE, SESSION, TOPICS, Stage


async def claimed(stage: Stage, *, count: int, run: int) -> float:
    """Commands a second, with the session closed, so that nothing else is going on."""
    async with stage.connection() as hearing, stage.connection("sender") as sending:
        await hearing.subscribe(TOPICS.result(SESSION))
        waiting = {f"bench-{run}-{number}" for number in range(count)}
        last = asyncio.create_task(_heard(hearing, waiting), name="results")
        commands = [
            json.dumps({"id": name, "to": "5491155500001", "message": "a command of the benchmark", "ttl": 30})
            for name in sorted(waiting)
        ]
        began = time.perf_counter()
        await asyncio.gather(*(sending.publish(TOPICS.out(SESSION), command) for command in commands))
        async with asyncio.timeout(PATIENCE):
            return count / (await last - began)


async def control(stage: Stage, action: str) -> None:
    """Have the bridge do something and wait until it is done."""
    async with stage.connection() as connection, asyncio.timeout(PATIENCE):
        await connection.subscribe(TOPICS.result(SESSION))
        await connection.publish(TOPICS.control(SESSION), json.dumps({"action": action, "id": action}))
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            result = json.loads(delivery.payload)
            if result["id"] == action and result["status"] == "done":
                return


async def _heard(connection: object, waiting: set[str]) -> float:
    at = 0.0
    with suppress(StopAsyncIteration):
        async for delivery in connection.deliveries():  # type: ignore[attr-defined]
            connection.acknowledge(delivery)  # type: ignore[attr-defined]
            result = json.loads(delivery.payload)
            if result["status"] == "accepted":
                waiting.discard(result["id"])
                at = time.perf_counter()
            if not waiting:
                break
    return at
