"""A campaign on the sandbox whose parts are killed: service, bridge, broker, browser. `make kills` is long.

Everything is real: mosquitto, `wa bridge` with Chromium and wa-js, `wa campaigns`, each a process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from bridge.sandbox.records import Contact
from tests.chaos.rig import Rig, login_is_written, until
from tests.forked import ForkedProgram, logged_program
from tests.loopback import http_client
from tests.mosquitto_server import free_port

PARTS = ("campaigns", "bridge", "broker", "browser")
#: Seconds without an outcome after which a run has failed; and in which a tick resolves a doubt.
STANDS_STILL, RESOLVED = 120.0, 60.0


class KillRun:
    """`total` recipients; each of the four parts is killed `rounds` times while they are written to."""

    def __init__(self, folder: Path, total: int, rounds: int, seed: int) -> None:
        self.folder = folder
        self.total = total
        self.rounds = rounds
        self._rng = random.Random(seed)
        self._rig = Rig(folder / "rig")
        self._port = free_port()
        self._service: ForkedProgram | None = None
        self.killed: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1/campaigns"

    async def run(self) -> dict[str, Any]:
        """The campaign's view at its end, with its recipients under `rows`."""
        async with AsyncExitStack() as stack:
            rig = await stack.enter_async_context(self._rig)
            for n in range(self.total):
                rig.world.directory.add_contact(Contact(pn=f"{self.number(n)}@c.us", name=f"P{n}", saved=False))
            self._start()
            stack.callback(self._kill_service)
            http = await stack.enter_async_context(http_client(timeout=60))
            await self._ready(http)
            recipients = [{"to": self.number(n), "name": f"Persona {n}"} for n in range(self.total)]
            always = {"from": "00:00", "to": "24:00"}
            plan = {"id": "kills", "name": "Kills", "variants": ["Hola {{name}}", "Buenas, {{name}}"], "window": always}
            answer = await http.post(self.url, json=plan | {"recipients": recipients, "pace": "off"})
            assert answer.status_code == 201, answer.text
            await self._started(http)
            kills = [part for part in PARTS for _ in range(self.rounds)]
            self._rng.shuffle(kills)
            for place, part in enumerate(kills):
                done = self.total * (place + 1) // (len(kills) + 1)
                await self._reach(http, done)
                print(f"{done} of {self.total}: {part} is killed", flush=True)
                await self._kill(part)
            return await self._ended(http)

    def times_sent(self) -> Counter[str]:
        """How often each text reached WhatsApp, under any id: the texts of two recipients differ."""
        found: Counter[str] = Counter()
        for sent in self._rig.world.state.sent.values():
            found[sent.body] += sent.deliveries
        return found

    def number(self, n: int) -> str:
        return f"549115551{n:04d}"

    def _start(self) -> None:
        environment = self._rig.bridge.environment | {
            "WA_MQTT_URL": self._rig.broker.url("campaigns"),
            "WA_DATA_DIR": str(self.folder / "campaigns"),
            "WA_CAMPAIGNS_PORT": str(self._port),
        }
        self._service = logged_program(["wa", "campaigns"], environment, self.folder / "campaigns.log")

    def _kill_service(self) -> None:
        assert self._service is not None
        self._service.kill()
        self._service.wait()

    async def _kill(self, part: str) -> None:
        await asyncio.sleep(self._rng.uniform(0, 0.3))
        match part:
            case "campaigns":
                self._kill_service()
                self._start()
            case "bridge":
                self._rig.bridge.kill()
                self._rig.bridge.start()
            case "broker":
                self._rig.broker.kill()
                await asyncio.to_thread(self._rig.broker.restart)
            case "browser":
                await until(lambda: bool(self._rig.bridge.browsers()), 60, "a browser")
                for process in self._rig.bridge.browsers():
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
        self.killed[part] += 1

    async def _view(self, http: httpx.AsyncClient) -> dict[str, Any]:
        with suppress(httpx.HTTPError, ValueError):
            found: dict[str, Any] = (await http.get(f"{self.url}/kills")).json()
            return found
        return {}

    async def _ready(self, http: httpx.AsyncClient) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if (await http.get(f"http://127.0.0.1:{self._port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
        raise AssertionError((self.folder / "campaigns.log").read_text()[-3000:])

    async def _started(self, http: httpx.AsyncClient) -> None:
        """Start it once the session is paired, and the browser can be killed without a new pairing."""
        await until(lambda: bool(self._rig.world.linking.devices), 60, "the session is paired")
        await login_is_written(self._rig.world)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            answer = await http.post(f"{self.url}/kills/start")
            if answer.status_code == 200:
                return
            await asyncio.sleep(0.2)
        raise AssertionError("it could not be started")

    async def _reach(self, http: httpx.AsyncClient, count: int) -> None:
        """Wait until that many have an outcome; fails after two minutes without another one."""
        finished, deadline = 0, time.monotonic() + STANDS_STILL
        while time.monotonic() < deadline:
            view = await self._view(http)
            now = view.get("planned", 0) - view.get("waiting", 0) - view.get("sending", 0)
            if now >= count > 0:
                return
            if now > finished:
                finished, deadline = now, time.monotonic() + STANDS_STILL
            await asyncio.sleep(0.1)
        raise AssertionError(f"it stands still: {await self._view(http)}")

    async def _ended(self, http: httpx.AsyncClient) -> dict[str, Any]:
        deadline = time.monotonic() + 60 + self.total
        while time.monotonic() < deadline:
            if (await self._view(http)).get("state") in ("done", "stopped"):
                return await self._resolved(http)
            await asyncio.sleep(0.2)
        raise AssertionError(f"it did not end: {await self._view(http)}")

    async def _resolved(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """Wait until no recipient is in doubt whose message reached WhatsApp: its tick resolves it."""
        deadline = time.monotonic() + RESOLVED
        while True:
            rows: list[dict[str, Any]] = []
            after = 0
            while after is not None:
                page = (await http.get(f"{self.url}/kills/recipients?limit=1000&after={after}")).json()
                rows += page["recipients"]
                after = page["next"]
            times = self.times_sent()
            open_ones = [row for row in rows if row["state"] == "unknown" and times[row["text"]]]
            if not open_ones or time.monotonic() > deadline:
                return {**await self._view(http), "rows": rows}
            await asyncio.sleep(0.5)


def check(run: KillRun, view: dict[str, Any]) -> None:
    """Each recipient exactly once, or named unknown; the report adds up. Raises AssertionError.

    WhatsApp's side has what is `sent`, and nothing of what stays `unknown`: a tick would have resolved it.
    """
    times = run.times_sent()
    states = Counter(row["state"] for row in view["rows"])
    assert len(view["rows"]) == run.total == view["planned"], view
    assert view["sent"] + view["failed"] + view["unknown"] == run.total, view
    assert max(times.values()) == 1, [name for name, count in times.items() if count > 1]
    for row in view["rows"]:
        reached = row["state"] in ("sent", "delivered", "read")
        assert times[row["text"]] == (1 if reached else 0), row
    assert view["failed"] == 0, states


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run = KillRun(Path(folder), arguments.recipients, arguments.rounds, arguments.seed)
        view = asyncio.run(run.run())
        check(run, view)
        numbers = {name: view[name] for name in ("planned", "sent", "failed", "unknown")}
        print(f"{numbers}, killed {dict(run.killed)}, {time.monotonic() - began:.0f} s")
