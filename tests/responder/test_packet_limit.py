"""A database server with a small `max_allowed_packet`: any number of long texts is recorded, and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from responder.settings import load
from tests.client.conftest import ANA, BETO
from tests.mariadb_server import MariaDbServer
from tests.responder.conftest import ResponderHarness, mariadb_settings
from tests.responder.test_flow import GREETING


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """A server of its own, because the tests change its limit."""
    with MariaDbServer(tmp_path_factory.mktemp("maria")) as server:
        yield server


def limit(server: MariaDbServer, harness: ResponderHarness, name: str, packet: int) -> None:
    """Use a new database, and make this the limit of further connections."""
    harness.database_settings = mariadb_settings(server, server.create(name))
    url = load(**harness.database_settings).database_url.set(drivername="mysql+pymysql")
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(f"SET GLOBAL max_allowed_packet = {packet}"))
    engine.dispose()


@pytest.mark.timeout(180)
async def test_many_long_texts_are_recorded_in_portions(harness: ResponderHarness, server: MariaDbServer) -> None:
    limit(server, harness, "portions", 1_048_576)
    for _ in range(40):
        harness.bridge.phone.incoming(ANA, "ñ" * 60_000)
    await harness.bridge.journalled(40)
    harness.bridge.phone.incoming(BETO, "hola")
    responder = await harness.start()
    assert await harness.answers(1) == [GREETING]
    assert await harness.rows(
        "SELECT COUNT(*), MIN(LENGTH(mensaje)) FROM ll_ia_conversaciones WHERE rol = 'user' AND"
        " telefono = '5491155500001'"
    ) == [(40, 120_000)]
    assert "database_down" not in responder.faults.counts


@pytest.mark.timeout(180)
async def test_a_text_beyond_the_limit_is_cut_and_reported_and_the_next_goes_on(
    harness: ResponderHarness, server: MariaDbServer
) -> None:
    limit(server, harness, "beyond", 65_536)
    harness.bridge.phone.incoming(ANA, "ñ" * 60_000)
    harness.bridge.phone.incoming(BETO, "hola")
    responder = await harness.start()
    assert await harness.answers(1, within=60) == [GREETING]
    assert responder.faults.counts["not_recorded"] == 1
    [(recorded,)] = await harness.rows("SELECT mensaje FROM ll_ia_conversaciones WHERE telefono = '5491155500001'")
    assert recorded == "ñ" * 1_000 + "…"
