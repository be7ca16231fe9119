"""The bridge's own retained status, under a name that no other bridge of the broker has.

The name is WA_INSTANCE, by default the host name, which cloned machines and containers share. Two bridges on one topic
overwrite each other at each heartbeat, so the one that started later adds the mark of its data directory to its name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Literal

from pydantic import ValidationError

from bridge.app.bridge_control import BridgeControl, CarriesOut
from bridge.broker import BrokerConnection, BrokerError, BrokerOptions, MessageRefused, Will, keep_connected
from bridge.contract.status import BridgeStatus
from bridge.contract.topics import Topics
from bridge.ports import Clock

_log = logging.getLogger(__name__)
#: The bridge's status under a name.
Written = Callable[[str, Literal["online", "offline"]], BridgeStatus]


class InstanceStatus:
    """`run` publishes it at each heartbeat (seconds) until `stopping` is set. `owner` is `<instance>:<mark>`."""

    def __init__(
        self,
        owner: str,
        write: Written,
        *,
        broker: BrokerOptions,
        topics: Topics,
        heartbeat: float,
        stopping: asyncio.Event,
        due: asyncio.Event,
        carry_out: CarriesOut,
        clock: Clock,
    ) -> None:
        """`due` is set where it should be published before the next heartbeat; `carry_out` answers the commands to the
        bridge, which come on the same connection."""
        self._name, _, self._mark = owner.rpartition(":")
        self._write = write
        self._broker = broker
        self._topics = topics
        self._heartbeat = heartbeat
        self._stopping = stopping
        self._due = due
        self._control = BridgeControl(carry_out, topics, clock)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as commands:  # a lost connection leaves none of them half done
            while not self._stopping.is_set():
                topic = self._topics.bridge_status(self._name)
                will = Will(topic, self._write(self._name, "offline").to_json().encode())
                await keep_connected(
                    replace(self._broker, will=will), partial(self._serve, commands), on_down=self._down
                )

    async def _serve(self, commands: asyncio.TaskGroup, connection: BrokerConnection) -> None:
        """Publish under the present name until `stopping` is set or the name changes."""
        name = self._name
        topic = self._topics.bridge_status(name)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(connection, name, commands), name="bridges of the same name")
            stopping = tasks.create_task(self._stopping.wait(), name="end of the bridge status")
            stopping.add_done_callback(lambda _: self._due.set())
            while not self._stopping.is_set() and self._name == name:
                self._due.clear()
                await connection.publish(topic, self._write(name, "online").to_json(), retain=True)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._heartbeat):
                        await self._due.wait()
            watching.cancel()
            stopping.cancel()
        if self._name == name:
            await connection.publish(topic, self._write(name, "offline").to_json(), retain=True)

    async def _watch(self, connection: BrokerConnection, name: str, commands: asyncio.TaskGroup) -> None:
        """Take commands, and compare with each status of another bridge of this name.

        Retained ones may be of a bridge that has ended.
        """
        await connection.subscribe(self._topics.bridge_status(name), self._topics.bridge_control(name))
        own = self._write(self._name, "online")
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            if delivery.topic == self._topics.bridge_control(name):
                commands.create_task(self._control.answer(connection, name, delivery), name="command to the bridge")
                continue
            other = None if delivery.retain else _parse(delivery.payload)
            if other is None or other.state == "offline" or other.owner == own.owner:
                continue
            if (other.started_at, other.owner or "") < (own.started_at, own.owner or ""):
                new = f"{self._name}-{self._mark}"
                _log.warning(
                    "Another bridge of this broker is named %s. This one is %s from now on: set WA_INSTANCE to a name"
                    " of its own.",
                    *(self._name, new),
                )
                self._name = new
            self._due.set()

    def _down(self, error: BrokerError, pause: float) -> None:
        level = logging.ERROR if isinstance(error, MessageRefused) else logging.DEBUG  # the sessions report the rest
        _log.log(level, "bridge status: %s Retrying in %.1f s.", error.text, pause)


def _parse(payload: bytes) -> BridgeStatus | None:
    try:
        return BridgeStatus.model_validate_json(payload)
    except ValidationError:
        return None
