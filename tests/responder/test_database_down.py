"""A database that is down: the responder reports it, keeps running, and catches up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bridge.sql.database import FIRST_PAUSE, SqlDatabase
from bridge.sql.errors import DatabaseDown
from responder.incoming import ReceivedMessage
from responder.settings import load
from responder.store.recorder import Recorder
from tests.client.conftest import ANA, BETO
from tests.loopback import http_client
from tests.mariadb_server import MariaDbServer
from tests.mqtt.probe import mqtt_probe
from tests.responder.conftest import ResponderHarness, mariadb_settings


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """A server of its own, because the test kills it."""
    with MariaDbServer(tmp_path_factory.mktemp("maria")) as server:
        yield server


async def test_a_database_that_is_killed_and_restarted(harness: ResponderHarness, server: MariaDbServer) -> None:
    harness.database_settings = mariadb_settings(server, server.create("down"))
    responder = await harness.start()
    harness.bridge.phone.incoming(ANA, "hola")
    await harness.answers(1)
    server.kill()
    harness.bridge.phone.incoming(ANA, "gracias")
    harness.bridge.phone.incoming(BETO, "hola")
    async with http_client(responder.url) as http:
        await harness.until(lambda: "database" in responder.health.problems())
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["amiss"]) == (503, ["database"])
        assert (await http.get("/health")).json()["status"] == "online"
        listing = await http.get("/api/conversaciones")
        assert (listing.status_code, listing.json()) == (500, {"error": "Error obteniendo conversaciones"})
        post = await http.post(
            "/api/message-received", json={"from": BETO, "body": "x", "timestamp": 1, "type": "chat", "id": "false_x_1"}
        )
        assert post.status_code == 503
        server.start()
        await harness.answers(3, within=40)
        assert (await http.get("/health/ready")).status_code == 200
    assert len(harness.bridge.phone.sent) == 3
    assert await harness.rows("SELECT COUNT(*) FROM ll_ia_conversaciones") == [(6,)]


async def test_each_outage_begins_with_the_shortest_pause(
    harness: ResponderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real recorder, which loses its database once for each message."""
    pauses: list[float] = []
    refused: set[str] = set()
    record = Recorder.record

    async def pause_at_once(pause: float) -> float:
        pauses.append(pause)
        return 2 * pause

    async def refuse_once(recorder: Recorder, batch: Any, **options: Any) -> Any:
        if isinstance(batch[0], ReceivedMessage) and batch[0].message_id not in refused:
            refused.add(batch[0].message_id)
            raise DatabaseDown
        return await record(recorder, batch, **options)

    monkeypatch.setattr("responder.session_reader.pause_before_retry", pause_at_once)
    monkeypatch.setattr(Recorder, "record", refuse_once)
    await harness.start()
    for count, chat in enumerate((ANA, BETO, "5491155500003@c.us"), 1):
        harness.bridge.phone.incoming(chat, "hola")
        await harness.answers(count)
    assert pauses == [FIRST_PAUSE] * 3


async def test_a_database_that_is_down_at_the_start(harness: ResponderHarness, server: MariaDbServer) -> None:
    harness.database_settings = mariadb_settings(server, server.create("down"))
    harness.bridge.phone.incoming(ANA, "hola")
    server.kill()
    async with mqtt_probe(harness.broker.url("panel")) as probe:
        responder = await harness.start(wait=False)
        event = await probe.wait("wa/responder/test/event")
        assert (event["kind"], event["count"]) == ("database_down", 1)
        async with http_client(responder.url) as http:
            assert "database" in (await http.get("/health")).json()["amiss"]
        server.start()
        await harness.answers(1, within=40)
        assert [event["kind"] for event in await probe.count("wa/responder/test/event", 2)] == [
            "database_down",
            "database_up",
        ]


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_it_stops_while_the_database_is_down(harness: ResponderHarness, server: MariaDbServer, how: str) -> None:
    harness.database_settings = mariadb_settings(server, server.create("down"))
    responder = await harness.start()
    if how == "killed":
        server.kill()
    else:
        server.freeze()
    harness.bridge.phone.incoming(ANA, "hola")
    harness.bridge.phone.incoming(BETO, "gracias")
    if how == "killed":
        await harness.until(lambda: responder.database.trouble is not None)
    began = time.monotonic()
    await harness.stop()
    assert time.monotonic() - began < 12


async def test_a_sqlite_file_that_cannot_be_opened(harness: ResponderHarness, tmp_path: Path) -> None:
    (tmp_path / "responder/responder.db").unlink()
    (tmp_path / "responder/responder.db").mkdir()
    responder = await harness.start(wait=False)
    await harness.until(lambda: "unable to open database file" in str(responder.database.trouble))
    (tmp_path / "responder/responder.db").rmdir()
    harness.bridge.phone.incoming(ANA, "hola")
    await harness.answers(1)


async def test_a_write_that_is_cancelled_keeps_no_lock(sqlite_settings: dict[str, Any]) -> None:
    counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
    kept: list[asyncio.CancelledError] = []
    async with SqlDatabase(load(**sqlite_settings).database_url) as database:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE counted (number INT)"))
        writes = asyncio.Event()

        async def write() -> None:
            try:
                async with database.write() as connection:
                    await connection.execute(text("INSERT INTO counted VALUES (1)"))
                    writes.set()
                    await connection.execute(text(f"{counted} UNION ALL SELECT 1"))  # a row is left
            except asyncio.CancelledError as error:
                kept.append(error)  # with its frames, as any reference to it would
                raise

        writing = asyncio.create_task(write())
        await writes.wait()
        await asyncio.sleep(0.02)
        writing.cancel()
        await asyncio.wait([writing])
        assert kept
        async with asyncio.timeout(5), database.write() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM counted"))).scalar() == 0
