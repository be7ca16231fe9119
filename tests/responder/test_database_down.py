"""A database that is away: nothing moves, the responder says so, stays up, and catches up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.client.conftest import ANA, BETO
from tests.mariadb_server import MariaDbServer
from tests.mqtt.probe import mqtt_probe as hearing
from tests.responder.conftest import Whole, maria_place


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """One of our own, since it is killed."""
    with MariaDbServer(tmp_path_factory.mktemp("maria")) as server:
        yield server


@pytest.mark.timeout(120)
async def test_killed_and_started_again(whole: Whole, server: MariaDbServer) -> None:
    whole.place = maria_place(server, server.create("down"))
    responder = await whole.start()
    whole.side.phone.incoming(ANA, "hola")
    await whole.answers(1)
    server.kill()
    whole.side.phone.incoming(ANA, "gracias")
    whole.side.phone.incoming(BETO, "hola")
    async with httpx.AsyncClient(base_url=responder.url) as http:
        await whole.until(lambda: "database" in responder.condition.amiss())
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
        await whole.answers(3, within=40)
        assert (await http.get("/health/ready")).status_code == 200
    assert len(whole.side.phone.sent) == 3
    assert await whole.rows("SELECT COUNT(*) FROM ll_ia_conversaciones") == [(6,)]


@pytest.mark.timeout(120)
async def test_away_at_the_start(whole: Whole, server: MariaDbServer) -> None:
    whole.place = maria_place(server, server.create("down"))
    whole.side.phone.incoming(ANA, "hola")
    server.kill()
    async with hearing(whole.broker.url("panel")) as ear:
        responder = await whole.start(wait=False)
        told = await ear.wait("wa/responder/test/event")
        assert (told["kind"], told["count"]) == ("database_down", 1)
        async with httpx.AsyncClient(base_url=responder.url) as http:
            assert "database" in (await http.get("/health")).json()["amiss"]
        server.start()
        await whole.answers(1, within=40)
        assert [told["kind"] for told in await ear.count("wa/responder/test/event", 2)] == [
            "database_down",
            "database_up",
        ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", ["killed", "frozen"])
async def test_it_stops_while_the_database_is_away(whole: Whole, server: MariaDbServer, way: str) -> None:
    whole.place = maria_place(server, server.create("down"))
    responder = await whole.start()
    if way == "killed":
        server.kill()
    else:
        server.freeze()
    whole.side.phone.incoming(ANA, "hola")
    whole.side.phone.incoming(BETO, "gracias")
    if way == "killed":
        await whole.until(lambda: responder.database.trouble is not None)
    began = time.monotonic()
    await whole.stop()
    assert time.monotonic() - began < 12


async def test_a_sqlite_file_that_cannot_be_opened(whole: Whole, tmp_path: Path) -> None:
    (tmp_path / "responder/responder.db").unlink()
    (tmp_path / "responder/responder.db").mkdir()
    responder = await whole.start(wait=False)
    await whole.until(lambda: "unable to open database file" in str(responder.database.trouble))
    (tmp_path / "responder/responder.db").rmdir()
    whole.side.phone.incoming(ANA, "hola")
    await whole.answers(1)
