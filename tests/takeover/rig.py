"""Two bridges as processes with Chromium that share a session, each with a network of its own to one mosquitto.

Each has a login of its own: two linked devices of the sandbox's account. The sandbox is in this process and counts how
long both were connected at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from typing_extensions import override

from bridge.core.lease import placement
from bridge.sandbox import Sandbox
from bridge.sandbox.linked_devices import CodeNotShown
from bridge.sandbox.page_socket import PageSocket
from bridge.sandbox.world import World
from tests.chaos.broker import Broker, Network
from tests.chaos.rig import SESSION, Bridge, login_is_written, until
from tests.forked import logged_program
from tests.mqtt.probe import MqttProbe, mqtt_probe

NAMES = placement(SESSION, ("north", "south"))
PROGRAM = Path(__file__).parent / "bridge_program.py"
#: Seconds between two looks at the connected devices.
LOOK = 0.02


class SharingBridge(Bridge):
    """A bridge of the pair; `freeze` stops its process, with `whole` also its browser, its watchdog and Node."""

    def __init__(self, name: str, folder: Path, network: Network, url: str, web_url: str, share: float) -> None:
        super().__init__(folder / name, url, web_url)
        self.name = name
        self.network = network
        self.share = share
        self._frozen: list[psutil.Process] = []

    @property
    @override
    def environment(self) -> dict[str, str]:
        return super().environment | {"WA_INSTANCE": self.name, "WA_BRIDGES": ",".join(NAMES)}

    @override
    def start(self) -> None:
        self._process = logged_program([PROGRAM, self.clock, str(self.share)], self.environment, self.log)

    def freeze(self, *, whole: bool = False) -> None:
        process = psutil.Process(self.pid)
        self._frozen = [process, *(process.children(recursive=True) if whole else ())]
        for one in self._frozen:
            one.suspend()

    def wake(self) -> None:
        for one in reversed(self._frozen):
            with suppress(psutil.NoSuchProcess):
                one.resume()
        self._frozen = []

    def cut(self) -> None:
        """No packet passes, and open connections are not closed, as where a cable is pulled."""
        self.network.freeze()

    def heal(self) -> None:
        self.network.cut()
        self.network.thaw()

    @property
    def is_frozen(self) -> bool:
        return bool(self._frozen)


class Pair:
    """`async with` starts broker, sandbox and both bridges, and pairs each; then one of them runs the session."""

    def __init__(
        self, folder: Path, share: float = 1.0, clocks: tuple[float, float] = (0.0, 0.0), *, logins: int = 2
    ) -> None:
        """`share` of the product's lease times; `clocks` are wrong by these seconds; `logins`: how many are paired."""
        self.folder = folder
        self.broker = Broker(folder / "mosquitto")
        self.sandbox: Sandbox
        self.bridges: dict[str, SharingBridge] = {}
        self.share = share
        self._clocks = clocks
        self._logins = logins
        self._probe: MqttProbe
        self.overlap = 0.0

    @property
    def world(self) -> World:
        """WhatsApp's side, with the phone."""
        return self.sandbox.world

    @property
    def media_folders(self) -> list[Path]:
        """Where the files of messages are: each bridge has those that came to it."""
        return [bridge.data_dir / "media" for bridge in self.bridges.values()]

    async def __aenter__(self) -> Self:
        self._stack = await AsyncExitStack().__aenter__()
        try:
            self.broker.start()
            self._stack.callback(self.broker.stop)
            self.sandbox = await self._stack.enter_async_context(Sandbox())
            self._probe = await self._stack.enter_async_context(mqtt_probe(self.broker.url("admin")))
            for name, clock in zip(NAMES, self._clocks, strict=True):
                network = await self._stack.enter_async_context(Network(self.broker.port))
                url = self.broker.url("bridge", port=network.port)
                bridge = SharingBridge(name, self.folder, network, url, self.sandbox.url, self.share)
                bridge.folder.mkdir(parents=True, exist_ok=True)
                bridge.clock.write_text(str(clock))
                self.bridges[name] = bridge
                bridge.start()
                self._stack.push_async_callback(self._end, bridge)
            watching = asyncio.create_task(self._watch(), name="overlaps")
            self._stack.callback(watching.cancel)
            await self._pair(NAMES[0])
            if self._logins > 1:
                await self._control(NAMES[1], NAMES[1])
                await self._control(NAMES[0], NAMES[1])
                await self._pair(NAMES[1])
            await login_is_written(self.world)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _end(self, bridge: SharingBridge) -> None:
        bridge.wake()
        await bridge.terminate()

    async def _pair(self, name: str) -> None:
        deadline = time.monotonic() + 120
        while self.owner() != name:
            assert time.monotonic() < deadline, f"{name} is not paired"
            with suppress(CodeNotShown):
                self.world.linking.scan()
            await asyncio.sleep(0.2)

    async def _control(self, bridge: str, to: str) -> None:
        command = {"action": "hand_over", "session": SESSION, "to": to, "id": uuid.uuid4().hex}
        await self._probe.publish(f"wa/bridge/{bridge}/control", json.dumps(command))
        answer = await self._probe.wait(f"wa/bridge/{bridge}/control/result", lambda one: one["id"] == command["id"])
        assert answer["status"] == "done", answer

    async def hand_over(self, to: str) -> None:
        """From the owner to the bridge `to`."""
        owner = self.owner()
        assert owner is not None
        await self._control(owner, to)

    def owner(self) -> str | None:
        """The bridge whose session is connected, by the newest status."""
        topic = f"wa/{SESSION}/status"
        newest = next((one for one in reversed(self._probe.received) if one.topic == topic), None)
        status = json.loads(newest.payload) if newest is not None else {"state": None}
        return str(status["owner"]).partition(":")[0] if status["state"] == "connected" else None

    async def owned_by(self, *names: str, timeout: float = 90) -> float:
        """Seconds until one of these runs the session."""
        began = time.monotonic()
        await until(lambda: self.owner() in names, timeout, f"{' or '.join(names)} runs the session")
        return time.monotonic() - began

    def other(self, name: str) -> str:
        return next(one for one in NAMES if one != name)

    def connected_devices(self) -> set[str]:
        """The linked devices that have a page now."""
        pages = [getattr(listener, "__self__", None) for listener in self.world.listeners]
        return {page.device for page in pages if isinstance(page, PageSocket) and page.device is not None}

    async def _watch(self) -> None:
        """Count the seconds in which two linked devices have a page, unless one of its bridges is wholly frozen."""
        at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK)
            now = time.monotonic()
            devices = self.connected_devices()
            whole = any(len(bridge._frozen) > 1 for bridge in self.bridges.values())
            if len(devices) > 1 and not whole:
                self.overlap += now - at
            at = now

    def kill_group(self, bridge: SharingBridge) -> None:
        """End a bridge as a machine's end does: with everything that it started."""
        children = psutil.Process(bridge.pid).children(recursive=True)
        bridge.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                os.kill(child.pid, signal.SIGKILL)
