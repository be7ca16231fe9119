"""Sends until WhatsApp's server has them: through the bridge, and by the same page alone, one after the other in a run.

The page alone is a loop of wa-js's own call in each chat. The ratio shows what bridge, store and broker cost.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from bench.stage import SESSION, TIMEOUT, TOPICS, Stage, phone
from bridge.broker import BrokerConnection

#: Seconds in which the last messages get their ticks, which belong to the cost of a send.
_TICKS = 0.5
#: Milliseconds after which the sandbox's server answers a send, unless it is set.
SERVER_MS = 50
_PEOPLE = tuple(f"549115550{number:04}" for number in range(1, 41))
_ALONE = """async ([people, count]) => {
  const began = performance.now();
  await Promise.all(people.map(async (person) => {
    for (let i = 0; i < count; i++) {
      const sent = await WPP.chat.sendTextMessage(`${person}@c.us`, `alone ${i}`, { createChat: true });
      await sent.sendMsgResult;
    }
  }));
  return (people.length * count * 1000) / (performance.now() - began);
}"""


@dataclass(frozen=True, slots=True)
class Sends:
    """Sends per second in `chats` chats at once: through the bridge, and by the page alone. `cpu`: seconds of the
    bridge for all `count` of its own; those of the page alone cost it an `own_message` each, which is not in it."""

    chats: int
    count: int
    server_ms: int
    bridge: float
    alone: float
    cpu: float


async def sends(
    stage: Stage, *, chats: int, count: int, server_ms: int = SERVER_MS, cpu: Callable[[], float] = lambda: 0.0
) -> Sends:
    """Send `count` texts in each of `chats` chats, both ways. The bridge must be connected, without a pace.

    `server_ms`: milliseconds after which WhatsApp's server answers. `cpu` returns the seconds of CPU that the bridge
    has used.
    """
    people = _PEOPLE[:chats]
    async with phone(stage) as api:
        (await api.patch("/settings", json={"receipts": {"server_ms": server_ms}})).raise_for_status()
        for person in people:
            (await api.post("/contacts", json={"pn": f"{person}@c.us", "name": person})).raise_for_status()
    began = cpu()
    through = await _through_the_bridge(stage, people, count)
    await asyncio.sleep(_TICKS)
    used = cpu() - began
    async with stage.page() as page:
        alone = float(await page.evaluate(_ALONE, [people, count]))
    return Sends(chats, chats * count, server_ms, through, alone, used)


async def _through_the_bridge(stage: Stage, people: tuple[str, ...], count: int) -> float:
    async with stage.connection() as results, stage.connection("sender") as sending:
        await results.subscribe(TOPICS.result(SESSION))
        batch = uuid.uuid4().hex  # the bridge answers an id that it knows at once, without a send
        commands = [(f"{batch}-{to}-{n}", to, n) for n in range(count) for to in people]
        began = time.perf_counter()
        async with asyncio.timeout(TIMEOUT), asyncio.TaskGroup() as tasks:
            tasks.create_task(_all_sent(results, {name for name, _, _ in commands}), name="results")
            for name, to, number in commands:
                command = {"id": name, "to": to, "message": f"send {number}"}
                await sending.publish(TOPICS.out(SESSION), json.dumps(command))
        return len(commands) / (time.perf_counter() - began)


async def _all_sent(connection: BrokerConnection, waiting: set[str]) -> None:
    async for delivery in connection.deliveries():
        connection.acknowledge(delivery)
        result = json.loads(delivery.payload)
        if result["status"] in ("failed", "unknown"):
            raise AssertionError(f"{result['id']} was not sent: {result['error']}")
        if result["status"] == "sent":
            waiting.discard(result["id"])
        if not waiting:
            return
