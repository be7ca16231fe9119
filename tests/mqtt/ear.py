"""A client on the real broker that hears everything and may say anything, at the level of raw MQTT."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.broker import BrokerConnection, BrokerOptions, Delivery, connect, parse_addresses

HERE = 10.0


class Ear:
    """All deliveries since the subscription, in order. Retained ones come first and are flagged."""

    def __init__(self, connection: BrokerConnection) -> None:
        self.connection = connection
        self.heard: list[Delivery] = []
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        await self.connection.subscribe("#")
        async for delivery in self.connection.deliveries():
            self.connection.acknowledge(delivery)
            async with self._news:
                self.heard.append(delivery)
                self._news.notify_all()

    async def publish(self, topic: str, payload: Any, *, retain: bool = False, **more: Any) -> None:
        """Bytes and text as they are, anything else as JSON."""
        body = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        await self.connection.publish(topic, body, retain=retain, **more)

    def on(self, topic: str) -> list[Any]:
        """What was heard on a topic: JSON where it is JSON."""
        return [parsed(delivery) for delivery in self.heard if delivery.topic == topic]

    async def wait(self, topic: str, condition: Callable[[Any], bool] = lambda _: True, *, within: float = HERE) -> Any:
        """The first payload of a topic that meets a condition, heard already or not."""
        async with asyncio.timeout(within), self._news:
            while True:
                for payload in self.on(topic):
                    if condition(payload):
                        return payload
                await self._news.wait()

    async def count(self, topic: str, number: int, *, within: float = HERE) -> list[Any]:
        """Wait for so many payloads of a topic; returns all of them."""
        async with asyncio.timeout(within), self._news:
            while len(heard := self.on(topic)) < number:
                await self._news.wait()
        return heard

    async def result(self, command_id: str, *statuses: str) -> dict[str, Any]:
        """Wait for a result of a command with one of these statuses."""
        found: dict[str, Any] = await self.wait(
            "wa/haby/result", lambda result: result["id"] == command_id and result["status"] in statuses
        )
        return found

    async def state(self, *states: str, within: float = HERE) -> dict[str, Any]:
        """Wait until the newest status has one of these states."""
        async with asyncio.timeout(within), self._news:
            while not (heard := self.on("wa/haby/status")) or heard[-1].get("state") not in states:
                await self._news.wait()
        newest: dict[str, Any] = heard[-1]
        return newest

    async def barrier(self) -> None:
        """Return once everything that the session had to deal with before now is dealt with."""
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
async def hearing(url: str, *, protocol: str = "3.1.1") -> AsyncIterator[Ear]:
    """An ear on the broker at `url`, subscribed."""
    options = BrokerOptions(parse_addresses(url), f"ear-{uuid.uuid4().hex[:8]}", clean=True, protocol=protocol)  # type: ignore[arg-type]
    async with connect(options) as connection:
        ear = Ear(connection)
        listening = asyncio.create_task(ear.listen(), name="ear")
        try:
            yield ear
        finally:
            listening.cancel()
            await asyncio.wait([listening])
