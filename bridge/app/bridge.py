"""The bridge as a whole: its sessions, and its own retained status."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from importlib.metadata import version
from typing import Literal

from bridge.broker import BrokerAddress, BrokerError, BrokerOptions, Connection, Will, keep_connected
from bridge.contract.payload import instant
from bridge.contract.status import HEARTBEAT, BridgeStatus
from bridge.mqtt import DoorOptions
from bridge.ports import Clock
from bridge.settings import Settings

from .host import FAREWELL, DriverFactory, SessionHost
from .identity import owner_name

_log = logging.getLogger(__name__)
DISTRIBUTION = "whatsapp-mqtt-bridge"


class Bridge:
    """Runs every configured session until `stop`. Raises `StartError` for a data directory that cannot be used."""

    def __init__(
        self, settings: Settings, addresses: tuple[BrokerAddress, ...], driver: DriverFactory, clock: Clock
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._started_at = clock.now()
        self._stopping = asyncio.Event()
        self._broker = BrokerOptions(
            addresses=addresses,
            client_id=f"{settings.mqtt_prefix.replace('/', '-')}-instance-{settings.instance}",
            clean=True,
            protocol=settings.mqtt_protocol,
            ca_file=str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None,
        )
        door = DoorOptions(self._broker, settings.topics, owner_name(settings.data_dir, settings.instance))
        self.hosts = [
            SessionHost(setting, settings=settings, door=door, driver=driver, clock=clock)
            for setting in settings.sessions
        ]

    def stop(self) -> None:
        """Ask for a clean end; `run` returns when it is done."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            hosts = [tasks.create_task(host.run(), name=f"host {host.setting.name}") for host in self.hosts]
            speaking = tasks.create_task(self._speak(), name="bridge status")
            await self._stopping.wait()
            for host in self.hosts:
                host.stop()
            await asyncio.wait([*hosts, speaking], timeout=FAREWELL)
            speaking.cancel()

    async def _speak(self) -> None:
        topic = self._settings.topics.bridge_status(self._settings.instance)

        async def serve(connection: Connection) -> None:
            while not self._stopping.is_set():
                await connection.publish(topic, self._status("online").to_json(), retain=True)
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await self._stopping.wait()
                except TimeoutError:
                    pass
            await connection.publish(topic, self._status("offline").to_json(), retain=True)

        def down(error: BrokerError, pause: float) -> None:
            _log.debug("bridge status: %s Trying again in %.1f s.", error.text, pause)

        will = Will(topic, self._status("offline").to_json().encode())
        await keep_connected(replace(self._broker, will=will), serve, on_down=down)

    def _status(self, state: Literal["online", "offline"]) -> BridgeStatus:
        return BridgeStatus(
            instance=self._settings.instance,
            state=state,
            version=version(DISTRIBUTION),
            started_at=instant(self._started_at),
            sessions={host.setting.name: host.view.situation.state for host in self.hosts},
            at=instant(self._clock.now()),
        )
