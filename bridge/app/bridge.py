"""The bridge as a whole: its sessions, and its own retained status."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import version
from typing import Literal

from bridge.app.facade import HttpFacade
from bridge.app.host import DriverFactory, SessionHost
from bridge.app.identity import data_directory
from bridge.broker import BrokerAddress, BrokerConnection, BrokerError, BrokerOptions, Will, keep_connected
from bridge.contract.payload import instant
from bridge.contract.status import HEARTBEAT, BridgeStatus
from bridge.http.limits import HttpLimits
from bridge.mqtt import MqttOptions
from bridge.ports import Clock
from bridge.settings import BridgeSettings

_log = logging.getLogger(__name__)
DISTRIBUTION = "whatsapp-mqtt-bridge"
#: Seconds that the sessions may take to end, each with what it has under way; then they are broken off.
PATIENCE = 20.0
#: Seconds after which a thread that computes lets another go on. A store's writer needs the interpreter twice a commit;
#: with Python's own 5 ms it waited longer for that than for the disk (3,200 claims a second instead of 7,000).
TURN = 0.0005
#: Seconds that the bridge's own farewell may take.
FAREWELL = 1.0


class Bridge:
    """Runs every configured session until `stop`."""

    def __init__(
        self,
        settings: BridgeSettings,
        addresses: tuple[BrokerAddress, ...],
        driver: DriverFactory,
        clock: Clock,
        *,
        http: socket.socket | None = None,
        login_link: str | None = None,
        http_limits: HttpLimits | None = None,
    ) -> None:
        """`http` is the façade's socket (`bridge.http.server.listen`); without one there is no HTTP and no webhook.

        `login_link` logs one browser in to the panel.
        """
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
        self.hosts = [
            SessionHost(setting, settings=settings, driver=driver, clock=clock) for setting in settings.sessions
        ]
        self._http: HttpFacade | None = None
        if http is not None:
            self._http = HttpFacade(settings, http, self.hosts, self._broker, clock, login_link, http_limits)

    def stop(self) -> None:
        """Ask for a clean end; `run` returns when it is done."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`. Raises `StartError` for a data directory that cannot be used."""
        sys.setswitchinterval(TURN)
        async with AsyncExitStack() as stack:
            owner = stack.enter_context(data_directory(self._settings.data_dir, self._settings.instance))
            if self._http is not None:
                await stack.enter_async_context(self._http.running(owner))
            door = MqttOptions(self._broker, self._settings.topics, owner)
            async with asyncio.TaskGroup() as tasks:
                hosts = [tasks.create_task(host.run(door), name=f"host {host.setting.name}") for host in self.hosts]
                speaking = tasks.create_task(self._speak(), name="bridge status")
                await self._stopping.wait()
                if self._http is not None:
                    self._http.stop()
                for host in self.hosts:
                    host.stop()
                await asyncio.wait(hosts, timeout=PATIENCE)
                await asyncio.wait([speaking], timeout=FAREWELL)
                for task in (*hosts, speaking):
                    task.cancel()

    async def _speak(self) -> None:
        topic = self._settings.topics.bridge_status(self._settings.instance)

        async def serve(connection: BrokerConnection) -> None:
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
