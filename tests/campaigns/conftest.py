"""Fixtures: each kind of database, and the campaigns service with the real bridge on a real mosquitto."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from bridge.client.broker_access import BrokerAccess
from bridge.http.listener import listen
from bridge.settings import load as load_bridge
from bridge.sql.database import SqlDatabase
from campaigns.app import CampaignsApp
from campaigns.settings import CampaignSettings, load
from campaigns.store.schema import SCHEMA
from tests.client.conftest import ScriptedBridge, served_bridge
from tests.loopback import http_client
from tests.mariadb_server import MariaDbServer, migrate
from tests.mosquitto_server import MosquittoServer, free_port

_numbers = itertools.count(1)
SECRET = "between bridge and campaigns"
#: A window that is always open.
ALWAYS = {"from": "00:00", "to": "24:00"}
FAST = {"window": ALWAYS, "pace": "off"}


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(SCHEMA, load(data_dir=folder).database_url)
    return folder / "campaigns.db"


@pytest.fixture
def sqlite_settings(migrated_file: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings of an empty, migrated SQLite database."""
    (tmp_path / "campaigns").mkdir()
    shutil.copy(migrated_file, tmp_path / "campaigns")
    return {"data_dir": tmp_path / "campaigns"}


@pytest.fixture(params=["sqlite", "mariadb"])
def database_settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings of an empty, migrated database; a test that uses it runs on each kind."""
    if request.param == "sqlite":
        settings: dict[str, Any] = request.getfixturevalue("sqlite_settings")
        return settings
    server: MariaDbServer = request.getfixturevalue("mariadb")
    settings = {
        "data_dir": tmp_path / "campaigns",
        "db_host": "127.0.0.1",
        "db_port": server.port,
        "db_user": server.user,
        "db_password": server.password,
        "db_database": server.create(f"campaigns{next(_numbers)}"),
    }
    migrate(SCHEMA, load(**settings).database_url)
    return settings


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_settings: dict[str, Any]) -> AsyncIterator[SqlDatabase]:
    """An open, migrated database."""
    async with SqlDatabase(load(**database_settings).database_url) as database:
        yield database


@dataclass
class CampaignsHarness:
    """A bridge with a scripted phone, and a campaigns service that can be started and stopped, on one broker."""

    bridge: ScriptedBridge
    broker: MosquittoServer
    database_settings: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    bridge_port: int = 0
    service: CampaignsApp | None = None
    _running: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def settings(self, **options: Any) -> CampaignSettings:
        return load(**{"port": 0, **self.database_settings, **self.options, **options})

    async def start(self, *, wait: bool = True, now: Callable[[], float] = time.time, **options: Any) -> CampaignsApp:
        """Start the service and wait until it works."""
        self._stop = asyncio.Event()
        access = BrokerAccess(self.broker.url("campaigns"))
        self.service = service = CampaignsApp.load(self.settings(**options), access, now=now)

        async def run() -> None:
            try:
                async with service.database:
                    await service.run(self._stop)
            finally:
                service.close()

        self._running = asyncio.create_task(run(), name="campaigns under test")
        if wait:
            await self.until(lambda: not service.problems())
        return service

    async def stop(self) -> None:
        if self._running is not None:
            self._stop.set()
            running, self._running = self._running, None
            async with asyncio.timeout(15):
                await running

    async def cut_off(self) -> None:
        """End it in the middle of whatever it does: no task of it runs another line."""
        assert self._running is not None
        running, self._running = self._running, None
        running.cancel()
        await asyncio.wait([running])

    async def restart_bridge(self, *, without_store: bool = False) -> None:
        """Start the bridge that was stopped again, on the same port."""
        if without_store:
            self.bridge.remove_store()
        self.bridge.http = listen("127.0.0.1", self.bridge_port)
        await self.bridge.start()

    async def until(self, holds: Callable[[], bool], within: float = 20) -> None:
        """Poll a condition that has no event to wait for."""
        deadline = time.monotonic() + within
        while not holds():
            if self._running is not None and self._running.done():
                self._running.result()
            if time.monotonic() > deadline:
                raise AssertionError("the condition was not met in time")
            await asyncio.sleep(0.02)

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A request to the service's own HTTP server."""
        assert self.service is not None
        async with http_client(timeout=20) as client:
            return await client.request(
                method,
                f"{self.service.url}/v1/campaigns{path}",
                json=body,
                **{"headers": {"x-api-key": SECRET}, **options},
            )

    async def plan(self, recipients: list[dict[str, Any]] | int, **fields: Any) -> dict[str, Any]:
        """Plan a campaign, by default a fast one; returns its view."""
        if isinstance(recipients, int):
            recipients = [{"to": number(n), "name": f"Persona {n}"} for n in range(1, recipients + 1)]
        plan = {"name": "Prueba", "variants": ["Hola {{name}}"], "recipients": recipients, **FAST, **fields}
        answer = await self.call("POST", "", plan)
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def act(self, campaign: str, action: str, **query: Any) -> dict[str, Any]:
        answer = await self.call("POST", f"/{campaign}/{action}", params=query)
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def view(self, campaign: str) -> dict[str, Any]:
        view: dict[str, Any] = (await self.call("GET", f"/{campaign}")).json()
        return view

    async def rows(self, campaign: str) -> list[dict[str, Any]]:
        answer = await self.call("GET", f"/{campaign}/recipients", params={"limit": 1000})
        rows: list[dict[str, Any]] = answer.json()["recipients"]
        return rows

    async def reach(
        self, campaign: str, within: float = 30, *, at_least: int | None = None, **expected: Any
    ) -> dict[str, Any]:
        """Wait until a campaign's numbers or its state are as expected, or that many are sent."""
        view: dict[str, Any] = {}
        try:
            async with asyncio.timeout(within):
                while True:
                    view = await self.view(campaign)
                    enough = at_least is None or view["sent"] >= at_least
                    if enough and all(view.get(name) == value for name, value in expected.items()):
                        return view
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise AssertionError(f"not reached: {expected}; it is {json.dumps(view)[:600]}") from error

    async def read_up_to(self, seq: int) -> None:
        """Wait until the service has stored what people wrote up to this place of the stream."""
        assert self.service is not None
        async with asyncio.timeout(20):
            while True:
                cursor = await self.service.people.cursor("haby")
                if cursor is not None and cursor.seq >= seq:
                    return
                await asyncio.sleep(0.02)

    @property
    def url(self) -> str:
        """The bridge's HTTP server, which passes /v1/campaigns on."""
        return f"http://127.0.0.1:{self.bridge_port}"

    def sent_to(self, to: str) -> list[str]:
        """What the phone has sent to a number."""
        return [message.text for message in self.bridge.phone.sent if message.key.remote.user == to]


def number(n: int) -> str:
    """The number of a test's recipient."""
    return f"54911555{n:05d}"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(mosquitto: MosquittoServer, tmp_path: Path) -> AsyncIterator[ScriptedBridge]:
    settings = load_bridge(
        addresses=mosquitto.url("bridge"),
        data_dir=tmp_path / "data",
        pace="off",
        instance="test",
        campaigns_url=f"http://127.0.0.1:{free_port()}",
        campaigns_secret=SECRET,
    )
    async with served_bridge(settings) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def harness(
    bridge: ScriptedBridge, mosquitto: MosquittoServer, sqlite_settings: dict[str, Any]
) -> AsyncIterator[CampaignsHarness]:
    assert bridge.http is not None
    address = urlsplit(str(bridge.settings.campaigns_url))
    options = {"port": address.port, "secret": SECRET}
    port = bridge.http.getsockname()[1]
    harness = CampaignsHarness(bridge, mosquitto, sqlite_settings, options, port)
    try:
        yield harness
    finally:
        await harness.stop()
