"""Fixtures: each kind of database, and a responder with the real bridge on a real mosquitto."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio

from bridge.asgi.api_credentials import SharedCredentials
from bridge.settings import load as load_bridge
from bridge.sql.database import SqlDatabase
from responder.app import Responder
from responder.http.limits import SurfaceLimits
from responder.settings import ResponderSettings, load
from responder.store.schema import SCHEMA
from responder.timing import DEFAULT_TIMING, Timing
from responder.transports import ResponderBroker
from tests.client.conftest import ScriptedBridge
from tests.mariadb_server import MariaDbServer, migrate
from tests.mosquitto_server import MosquittoServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(SCHEMA, load(data_dir=folder).database_url)
    return folder / "responder.db"


@pytest.fixture
def sqlite_settings(migrated_file: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings of an empty, migrated SQLite database."""
    (tmp_path / "responder").mkdir()
    shutil.copy(migrated_file, tmp_path / "responder")
    return {"data_dir": tmp_path / "responder"}


@pytest.fixture(params=["sqlite", "mariadb"])
def database_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of an empty, migrated database; a test that uses it runs on each kind."""
    if request.param == "sqlite":
        settings: dict[str, Any] = request.getfixturevalue("sqlite_settings")
        return settings
    server: MariaDbServer = request.getfixturevalue("mariadb")
    settings = mariadb_settings(server, server.create(f"test{next(_numbers)}"))
    migrate(SCHEMA, load(**settings).database_url)
    return settings


def mariadb_settings(server: MariaDbServer, name: str) -> dict[str, Any]:
    """Settings of a database on the server."""
    return {
        "db_host": "127.0.0.1",
        "db_port": server.port,
        "db_user": server.user,
        "db_password": server.password,
        "db_database": name,
    }


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_settings: dict[str, Any]) -> AsyncIterator[SqlDatabase]:
    """An open, migrated database."""
    async with SqlDatabase(load(**database_settings).database_url) as database:
        yield database


@dataclass
class ResponderHarness:
    """A bridge with a scripted phone, and a responder that can be started and stopped, on one broker."""

    bridge: ScriptedBridge
    broker: MosquittoServer
    database_settings: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    upload: Callable[[Path], Awaitable[str]] | None = None
    responder: Responder | None = None
    _running: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def settings(self, **options: Any) -> ResponderSettings:
        return load(**{"port": 0, "gather": 0.2, **self.database_settings, **self.options, **options})

    async def start(
        self,
        *,
        wait: bool = True,
        user: str = "responder",
        protocol: Literal["3.1.1", "5"] = "3.1.1",
        timing: Timing = DEFAULT_TIMING,
        http_limits: SurfaceLimits | None = None,
        shared: SharedCredentials | None = None,
        **options: Any,
    ) -> Responder:
        """Start a responder and wait until it works."""
        self._stop = asyncio.Event()
        access = ResponderBroker(self.broker.url(user), protocol=protocol, instance="test", upload=self.upload)
        self.responder = responder = Responder.load(
            self.settings(**options), access, timing=timing, http_limits=http_limits, shared=shared
        )

        async def run() -> None:
            try:
                async with responder.database:
                    await responder.run(self._stop)
            finally:
                responder.close()

        self._running = asyncio.create_task(run(), name="responder under test")
        if wait:
            await self.until(lambda: not responder.health.problems())
        return responder

    async def stop(self) -> None:
        if self._running is not None:
            self._stop.set()
            running, self._running = self._running, None
            async with asyncio.timeout(15):
                await running

    async def until(self, holds: Callable[[], bool], within: float = 20) -> None:
        """Poll a condition that has no event to wait for."""
        deadline = time.monotonic() + within
        while not holds():
            if self._running is not None and self._running.done():
                self._running.result()
            if time.monotonic() > deadline:
                raise AssertionError("the condition was not met in time")
            await asyncio.sleep(0.01)

    async def answers(self, count: int, within: float = 20) -> list[str]:
        """Wait until the phone has sent `count` messages; returns all their texts."""
        await self.until(lambda: len(self.bridge.phone.sent) >= count, within)
        return [sent.text for sent in self.bridge.phone.sent]

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Query the responder's database."""
        from sqlalchemy import text

        assert self.responder is not None
        async with self.responder.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    async def until_rows(self, query: str, expected: list[tuple[Any, ...]]) -> None:
        """Wait until a query returns `expected`; fails with the last result."""
        deadline = time.monotonic() + 10
        while (found := await self.rows(query)) != expected:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)

    async def verdicts(self, count: int) -> list[str]:
        """Wait until `count` messages are recorded and none waits; returns their verdicts in order."""
        while True:
            found = [row[0] for row in await self.rows("SELECT verdict FROM wa_message ORDER BY id")]
            if len(found) >= count and not {"answer", "order", "transcribe"} & set(found):
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def scripted_bridge(broker: MosquittoServer, tmp_path: Path) -> AsyncIterator[ScriptedBridge]:
    """A bridge that is connected to the broker."""
    settings = load_bridge(addresses=broker.url("bridge"), data_dir=tmp_path / "bridge", pace="off", instance="test")
    scripted_bridge = ScriptedBridge(settings)
    try:
        await scripted_bridge.start()
        yield scripted_bridge
    finally:
        await scripted_bridge.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def harness(
    scripted_bridge: ScriptedBridge, broker: MosquittoServer, sqlite_settings: dict[str, Any]
) -> AsyncIterator[ResponderHarness]:
    """On SQLite: the flow does not depend on the database."""
    harness = ResponderHarness(scripted_bridge, broker, sqlite_settings)
    try:
        yield harness
    finally:
        await harness.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def harness_on_each(
    scripted_bridge: ScriptedBridge, broker: MosquittoServer, database_settings: dict[str, Any]
) -> AsyncIterator[ResponderHarness]:
    """On each kind of database."""
    harness = ResponderHarness(scripted_bridge, broker, database_settings)
    try:
        yield harness
    finally:
        await harness.stop()
