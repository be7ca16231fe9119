"""The responder's tests: each database that there is, and the whole with the real bridge side on a real mosquitto."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from bridge.settings import load as load_bridge
from responder.app import Responder
from responder.http.limits import SurfaceLimits
from responder.settings import ResponderSettings, load
from responder.store.database import ResponderDatabase
from responder.store.migrate import migrate
from responder.transports import BrokerAccess
from tests.client.conftest import BridgeSide
from tests.mariadb_server import MariaDbServer
from tests.mosquitto_server import MosquittoServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    with MariaDbServer(tmp_path_factory.mktemp("maria")) as server:
        yield server


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, to be copied: making them takes a second each time."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> None:
        async with ResponderDatabase(load(data_dir=folder).database_url) as database:
            await migrate(database)

    asyncio.run(make())
    return folder / "responder.db"


@pytest.fixture
def sqlite_place(made: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings that name a SQLite database without a row."""
    (tmp_path / "responder").mkdir()
    shutil.copy(made, tmp_path / "responder")
    return {"data_dir": tmp_path / "responder"}


@pytest.fixture(params=["sqlite", "mariadb"])
def place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that name an empty database; every test that asks for it runs on each kind."""
    if request.param == "sqlite":
        place: dict[str, Any] = request.getfixturevalue("sqlite_place")
        return place
    server: MariaDbServer = request.getfixturevalue("mariadb")
    return maria_place(server, server.create(f"test{next(_numbers)}"))


def maria_place(server: MariaDbServer, name: str) -> dict[str, Any]:
    """Settings that name a database on the server."""
    return {
        "db_host": "127.0.0.1",
        "db_port": server.port,
        "db_user": server.user,
        "db_password": server.password,
        "db_database": name,
    }


@pytest.fixture
async def database(place: dict[str, Any]) -> AsyncIterator[ResponderDatabase]:
    """A database with our tables, open."""
    async with ResponderDatabase(load(**place).database_url) as database:
        await migrate(database)
        yield database


@dataclass
class Whole:
    """Bridge side with a scripted phone, and a responder that can be started and stopped, on one broker."""

    side: BridgeSide
    broker: MosquittoServer
    place: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    responder: Responder | None = None
    _running: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def settings(self, **options: Any) -> ResponderSettings:
        return load(**{"port": 0, "gather": 0.2, **self.place, **self.options, **options})

    async def start(
        self,
        *,
        wait: bool = True,
        user: str = "responder",
        protocol: Literal["3.1.1", "5"] = "3.1.1",
        http_limits: SurfaceLimits | None = None,
        **options: Any,
    ) -> Responder:
        """Start a responder and wait until it works."""
        self._stop = asyncio.Event()
        self.responder = responder = Responder(
            self.settings(**options),
            BrokerAccess(self.broker.url(user), protocol=protocol, instance="test"),
            http_limits=http_limits,
        )
        responder.load()

        async def run() -> None:
            async with responder.database:
                await responder.run(self._stop)

        self._running = asyncio.create_task(run(), name="responder under test")
        if wait:
            await self.until(lambda: responder.is_working)
        return responder

    async def stop(self) -> None:
        if self._running is not None:
            self._stop.set()
            running, self._running = self._running, None
            async with asyncio.timeout(15):
                await running

    async def until(self, holds: Callable[[], bool], within: float = 20) -> None:
        """Wait for something that nobody announces to the test."""
        deadline = time.monotonic() + within
        while not holds():
            if self._running is not None and self._running.done():
                self._running.result()
            if time.monotonic() > deadline:
                raise AssertionError("it did not come about in time")
            await asyncio.sleep(0.01)

    async def answers(self, count: int, within: float = 20) -> list[str]:
        """Wait for so many messages that left the phone; their texts."""
        await self.until(lambda: len(self.side.phone.sent) >= count, within)
        return [sent.text for sent in self.side.phone.sent]

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the responder's database."""
        from sqlalchemy import text

        assert self.responder is not None
        async with self.responder.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]

    async def until_rows(self, query: str, expected: list[tuple[Any, ...]]) -> None:
        """Wait until the database says so; what it says instead is shown when it does not."""
        deadline = time.monotonic() + 10
        while (found := await self.rows(query)) != expected:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)

    async def verdicts(self, count: int) -> list[str]:
        """Wait until so many messages are recorded and none waits; their verdicts in order."""
        while True:
            found = [row[0] for row in await self.rows("SELECT verdict FROM wa_message ORDER BY id")]
            if len(found) >= count and not {"answer", "order"} & set(found):
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
async def side(broker: MosquittoServer, tmp_path: Path) -> AsyncIterator[BridgeSide]:
    """The bridge side, connected."""
    settings = load_bridge(addresses=broker.url("bridge"), data_dir=tmp_path / "bridge", pace="off", instance="test")
    side = BridgeSide(settings)
    try:
        await side.start()
        yield side
    finally:
        await side.stop()


@pytest.fixture
async def whole(side: BridgeSide, broker: MosquittoServer, sqlite_place: dict[str, Any]) -> AsyncIterator[Whole]:
    """On SQLite; the flow does not depend on the database, what does is tested on each."""
    whole = Whole(side, broker, sqlite_place)
    try:
        yield whole
    finally:
        await whole.stop()


@pytest.fixture
async def whole_on_each(side: BridgeSide, broker: MosquittoServer, place: dict[str, Any]) -> AsyncIterator[Whole]:
    """The same on every kind of database."""
    whole = Whole(side, broker, place)
    try:
        yield whole
    finally:
        await whole.stop()
