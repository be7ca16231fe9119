"""A bridge and its client on a cluster whose nodes are killed in turn: what is lost, what comes twice, for how long.

The bridge runs in this process with a scripted phone. Messages arrive all the time, commands are sent all the time.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.client import Client, connect
from bridge.drivers.scripted import ScriptedPhone
from bridge.settings import load
from tests.client.conftest import ANA, BETO, ScriptedBridge
from tests.nats_cluster import NatsCluster

#: Seconds between two messages of the phone.
EVERY = 0.05
#: Seconds after a kill within which the session must work again.
WORKS_WITHIN = 90.0


@dataclass(frozen=True, slots=True)
class NodeDeath:
    """What the death of a node did. Seconds since SIGKILL."""

    node: str
    received: float
    sent: float

    @property
    def works(self) -> float:
        """Until a message that came after the kill was received and a command given after it was sent."""
        return max(self.received, self.sent)


@dataclass
class ClusterTrial:
    """The load, and what came of it. Times are of the monotonic clock."""

    client: Client
    phone: ScriptedPhone
    incoming: dict[str, float] = field(default_factory=dict)
    received: list[tuple[str, int, float]] = field(default_factory=list)
    outcomes: dict[str, tuple[str, float, float]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False

    async def receive(self) -> None:
        """Read all messages, from the first."""
        async for message in self.client.messages("haby", after=None):
            self.received.append((message.body, message.seq, time.monotonic()))
            self.changed.set()

    async def arrive(self) -> None:
        """Messages of the phone, one after the other, until `stopping`."""
        while not self.stopping:
            body = f"in {len(self.incoming)}"
            self.incoming[body] = time.monotonic()
            self.phone.incoming(ANA, body)
            await asyncio.sleep(EVERY)

    async def send(self) -> None:
        """Commands, each after the result of the one before, until `stopping`."""
        while not self.stopping:
            text, began = f"out {len(self.outcomes)}", time.monotonic()
            result = await self.client.send("haby", BETO, text, timeout=WORKS_WITHIN)
            self.outcomes[text] = result.status, began, time.monotonic()
            self.changed.set()
            await asyncio.sleep(EVERY)

    async def kill(self, cluster: NatsCluster, number: int) -> NodeDeath:
        """Kill a node under load and wait until the session works."""
        node = cluster.nodes[number]
        killed = time.monotonic()
        node.kill()
        async with asyncio.timeout(WORKS_WITHIN):
            while (received := self._received_since(killed)) is None or (sent := self._sent_since(killed)) is None:
                self.changed.clear()
                await self.changed.wait()
        return NodeDeath(node.name, received - killed, sent - killed)

    async def settle(self) -> None:
        """End the load and wait for what is under way."""
        self.stopping = True
        async with asyncio.timeout(WORKS_WITHIN):
            while len({body for body, _, _ in self.received}) < len(self.incoming):
                self.changed.clear()
                await self.changed.wait()

    def faults(self) -> list[str]:
        """What must not be: lost, twice, out of order. Empty where the promise was kept."""
        bodies = Counter(body for body, _, _ in self.received)
        sequence = [seq for _, seq, _ in self.received]
        sent = Counter(one.text for one in self.phone.sent)
        found = [f"lost: {body}" for body in self.incoming if body not in bodies]
        found += [f"received {count} times: {body}" for body, count in bodies.items() if count > 1]
        found += [] if sequence == sorted(sequence) else ["messages out of order"]
        found += [f"{text}: {status}" for text, (status, _, _) in self.outcomes.items() if status != "sent"]
        found += [f"sent {sent[text]} times: {text}" for text in self.outcomes if sent[text] != 1]
        found += [f"sent {one.times} times: {one.text}" for one in self.phone.sent if one.times != 1]
        return found

    def _received_since(self, moment: float) -> float | None:
        new = (at for body, _, at in reversed(self.received) if self.incoming[body] > moment)
        return min(new, default=None)

    def _sent_since(self, moment: float) -> float | None:
        return min((ended for _, began, ended in self.outcomes.values() if began > moment), default=None)


@asynccontextmanager
async def cluster_trial(cluster: NatsCluster, data_dir: Path) -> AsyncIterator[ClusterTrial]:
    """A connected session under load. The bridge begins at the first node, the client at the second."""
    harness = ScriptedBridge(load(addresses=cluster.url("bridge"), data_dir=data_dir, pace="off", instance="test"))
    await harness.start()
    try:
        async with connect(cluster.url("admin", first=1), name="trial") as client:
            trial = ClusterTrial(client, harness.phone)
            tasks = [
                asyncio.create_task(work, name=name)
                for name, work in (("receive", trial.receive()), ("arrive", trial.arrive()), ("send", trial.send()))
            ]
            try:
                yield trial
                await asyncio.wait(tasks[1:])
            finally:
                for task in tasks:
                    task.cancel()
                for task in tasks:
                    with suppress(asyncio.CancelledError):
                        await task
    finally:
        await harness.stop()
