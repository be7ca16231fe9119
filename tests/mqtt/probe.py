"""A raw MQTT client on the real broker that receives and publishes on every topic."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.broker import BrokerConnection, BrokerOptions, Delivery, connect, parse_addresses

#: No test claims that something comes so fast: it ends a test that waits in vain.
TIMEOUT = 30.0


class MqttProbe:
    """All deliveries since the subscription, in order. Retained ones come first and are flagged."""

    def __init__(self, connection: BrokerConnection) -> None:
        self.connection = connection
        self.received: list[Delivery] = []
        self._changed = asyncio.Condition()

    async def receive(self) -> None:
        async for delivery in self.connection.deliveries():
            self.connection.acknowledge(delivery)
            async with self._changed:
                self.received.append(delivery)
                self._changed.notify_all()

    async def publish(self, topic: str, payload: Any, *, retain: bool = False, **more: Any) -> None:
        """Bytes and text as they are, anything else as JSON."""
        body = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        await self.connection.publish(topic, body, retain=retain, **more)

    def on(self, topic: str) -> list[Any]:
        """What was received on a topic: JSON where it is JSON."""
        return [parsed(delivery) for delivery in self.received if delivery.topic == topic]

    async def wait(
        self, topic: str, condition: Callable[[Any], bool] = lambda _: True, *, within: float = TIMEOUT
    ) -> Any:
        """The first payload of a topic that meets the condition; waits for it if necessary."""
        async with asyncio.timeout(within), self._changed:
            while True:
                for payload in self.on(topic):
                    if condition(payload):
                        return payload
                await self._changed.wait()

    async def count(self, topic: str, number: int, *, within: float = TIMEOUT) -> list[Any]:
        """Wait for `number` payloads of a topic; returns all of them."""
        async with asyncio.timeout(within), self._changed:
            while len(received := self.on(topic)) < number:
                await self._changed.wait()
        return received

    async def result(self, command_id: str, *statuses: str) -> dict[str, Any]:
        """Wait for a result of a command with one of these statuses."""
        found: dict[str, Any] = await self.wait(
            "wa/haby/result", lambda result: result["id"] == command_id and result["status"] in statuses
        )
        return found

    async def state(self, *states: str, within: float = TIMEOUT) -> dict[str, Any]:
        """Wait until the newest status has one of these states."""
        async with asyncio.timeout(within), self._changed:
            while not (received := self.on("wa/haby/status")) or received[-1].get("state") not in states:
                await self._changed.wait()
        newest: dict[str, Any] = received[-1]
        return newest

    async def barrier(self) -> None:
        """Return once the session has processed everything it received before."""
        name = f"barrier-{uuid.uuid4().hex[:8]}"
        await self.publish("wa/haby/replay", {"request": name, "reader": name, "limit": 1})
        await self.wait(f"wa/haby/replay/{name}", lambda end: end.get("done") is True)
        await self.publish("wa/haby/out", {"id": name, "to": "x", "message": "barrier"})
        await self.result(name, "failed")


def parsed(delivery: Delivery) -> Any:
    try:
        return json.loads(delivery.payload)
    except ValueError:
        return delivery.payload


@asynccontextmanager
async def mqtt_probe(url: str, *, protocol: str = "3.1.1") -> AsyncIterator[MqttProbe]:
    """A probe on the broker at `url`, subscribed."""
    options = BrokerOptions(parse_addresses(url), f"probe-{uuid.uuid4().hex[:8]}", clean=True, protocol=protocol)  # type: ignore[arg-type]
    async with connect(options) as connection:
        await connection.subscribe("#")
        probe = MqttProbe(connection)
        receiving = asyncio.create_task(probe.receive(), name="probe")
        try:
            yield probe
        finally:
            receiving.cancel()
            await asyncio.wait([receiving])
