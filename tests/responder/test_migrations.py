"""Migration of an empty database, of each legacy schema, and of a newer schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from bridge.sql.database import SqlDatabase
from bridge.sql.errors import DatabaseUnusable
from responder.policy import Verdict
from responder.settings import load
from responder.store.chats import Chats
from responder.store.pending import PendingWork
from responder.store.rows import Pending
from responder.store.schema import SCHEMA
from tests.mariadb_server import MariaDbServer
from tests.responder.conftest import mariadb_settings

OLDEST = """
CREATE TABLE ll_ia_conversaciones (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, telefono VARCHAR(20) NOT NULL,
  rol ENUM('user','assistant') NOT NULL, mensaje TEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
) DEFAULT CHARSET=latin1;
INSERT INTO ll_ia_conversaciones (telefono, rol, mensaje, created_at) VALUES
  ('5491155500001', 'user', 'Mañana ¿a qué hora?', '2024-05-01 10:00:00'),
  ('5491155500001', 'assistant', 'A las 9, ¡los esperamos!', '2024-05-01 10:00:05'),
  ('5491155500002', 'user', 'Año nuevo', '2024-05-02 11:00:00');
"""
NEWEST = """
CREATE TABLE ll_ia_conversaciones (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, cliente_id INT DEFAULT 51, telefono VARCHAR(20) NOT NULL,
  rol ENUM('user','assistant') NOT NULL, origen_mensaje ENUM('ia','humano','sistema') DEFAULT 'ia',
  pauso_ia TINYINT DEFAULT 0, mensaje TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, notas VARCHAR(9)
) DEFAULT CHARSET=latin1;
CREATE TABLE ll_bot_config (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, cliente_id INT NOT NULL UNIQUE, bot_activo TINYINT DEFAULT 0,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
) DEFAULT CHARSET=latin1;
INSERT INTO ll_bot_config (cliente_id, bot_activo) VALUES (51, 1), (52, 0);
INSERT INTO ll_ia_conversaciones (cliente_id, telefono, rol, mensaje, notas) VALUES
  (51, '5491155500001@c.us', 'user', 'Mañana ¿a qué hora?', 'x'), (52, '5491155500001', 'user', 'Otro cliente', NULL);
"""


@pytest_asyncio.fixture(loop_scope="session")
async def legacy(mariadb: MariaDbServer, request: pytest.FixtureRequest) -> AsyncIterator[SqlDatabase]:
    """A legacy database with the tables of `request.param`."""
    name = mariadb.create(f"legacy_{request.node.name.encode().hex()[-24:]}", "latin1")
    mariadb.sql(request.param, name)
    async with SqlDatabase(load(**mariadb_settings(mariadb, name)).database_url) as database:
        yield database


async def rows(database: SqlDatabase, query: str) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


@pytest.mark.parametrize("legacy", [OLDEST], indirect=True)
async def test_the_oldest_legacy_schema_is_migrated_without_losing_a_row(legacy: SqlDatabase) -> None:
    before = await rows(legacy, "SELECT id, telefono, rol, mensaje, created_at FROM ll_ia_conversaciones ORDER BY id")
    await SCHEMA.migrate(legacy)
    query = "SELECT id, telefono, rol, mensaje, created_at FROM ll_ia_conversaciones ORDER BY id"
    assert await rows(legacy, query) == before
    assert await rows(legacy, "SELECT DISTINCT cliente_id, origen_mensaje, pauso_ia FROM ll_ia_conversaciones") == [
        (51, "ia", 0)
    ]
    group, emoji = "120363000000000001@g.us" * 2, "👩🏽‍🚀 日本語 " + "ñ" * 60_000
    async with legacy.write() as connection:
        insert = "INSERT INTO ll_ia_conversaciones (telefono, rol, mensaje) VALUES (:who, 'user', :said)"
        await connection.execute(text(insert), {"who": group, "said": emoji})
    assert (await rows(legacy, "SELECT telefono, mensaje FROM ll_ia_conversaciones ORDER BY id DESC LIMIT 1")) == [
        (group, emoji)
    ]


@pytest.mark.parametrize("legacy", [NEWEST], indirect=True)
async def test_the_newest_legacy_schema_keeps_its_columns_and_switches(legacy: SqlDatabase) -> None:
    await SCHEMA.migrate(legacy)
    await SCHEMA.migrate(legacy)
    assert await rows(legacy, "SELECT cliente_id, telefono, mensaje, notas FROM ll_ia_conversaciones ORDER BY id") == [
        (51, "5491155500001@c.us", "Mañana ¿a qué hora?", "x"),
        (52, "5491155500001", "Otro cliente", None),
    ]
    assert await rows(legacy, "SELECT cliente_id, bot_activo FROM ll_bot_config ORDER BY id") == [(51, 1), (52, 0)]
    indexes = await rows(
        legacy,
        "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
        " AND table_name = 'll_ia_conversaciones'",
    )
    assert ("ix_ll_ia_conversaciones_person",) in indexes
    listed = await Chats(legacy).newest(500)
    assert [(one.person, one.text, one.name) for one in listed] == [
        ("5491155500001", "Otro cliente", None),
        ("5491155500001@c.us", "Mañana ¿a qué hora?", None),
    ]


@pytest.mark.parametrize("legacy", [NEWEST], indirect=True)
async def test_the_legacy_responders_statements_still_work(legacy: SqlDatabase) -> None:
    await SCHEMA.migrate(legacy)
    async with legacy.write() as connection:
        await connection.execute(
            text("INSERT INTO ll_ia_conversaciones (cliente_id, telefono, rol, mensaje) VALUES (51, '1', 'user', 'x')")
        )
        await connection.execute(
            text("INSERT INTO ll_ia_conversaciones (telefono, rol, mensaje) VALUES ('1', 'user', 'x')")
        )
        await connection.execute(text("UPDATE ll_bot_config SET bot_activo = 1 WHERE cliente_id = 52"))


@pytest.mark.parametrize("legacy", [OLDEST], indirect=True)
async def test_an_interrupted_migration_is_completed(legacy: SqlDatabase) -> None:
    async with legacy.write() as connection:  # the steps before the interruption
        await connection.execute(text("ALTER TABLE ll_ia_conversaciones CONVERT TO CHARACTER SET utf8mb4"))
        await connection.execute(text("ALTER TABLE ll_ia_conversaciones ADD cliente_id INT NOT NULL DEFAULT 51"))
        await connection.execute(
            text("CREATE TABLE wa_switch (name VARCHAR(32) PRIMARY KEY, value BOOL, configured BOOL)")
        )
    await SCHEMA.migrate(legacy)
    assert len(await rows(legacy, "SELECT cliente_id FROM ll_ia_conversaciones")) == 3
    assert await rows(legacy, "SELECT version_num FROM wa_schema") == [(SCHEMA.head,)]


async def test_new_tables_do_not_depend_on_the_servers_defaults(mariadb: MariaDbServer) -> None:
    name = mariadb.create("plain", "latin1")
    async with SqlDatabase(load(**mariadb_settings(mariadb, name)).database_url) as database:
        await SCHEMA.migrate(database)
        tables = (
            "SELECT DISTINCT engine, SUBSTRING_INDEX(table_collation, '_', 1) FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name LIKE '%\\_%' AND table_name <> 'wa_schema'"
        )
        assert await rows(database, tables) == [("InnoDB", "utf8mb4")]
        columns = (
            "SELECT column_name, column_type, collation_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND (table_name, column_name) IN (('wa_message', 'message_id'),"
            " ('ll_ia_conversaciones', 'mensaje'), ('ll_bot_config', 'bot_activo')) ORDER BY column_name"
        )
        [switch, text_column, message_id] = await rows(database, columns)
        assert (switch[1], text_column[1], message_id[1:]) == (
            "tinyint(1)",
            "mediumtext",
            ("varchar(255)", "utf8mb4_bin"),
        )


@pytest.mark.parametrize("legacy", [OLDEST], indirect=True)
async def test_replicas_that_start_together_migrate_once(legacy: SqlDatabase) -> None:
    async with SqlDatabase(legacy.url) as other, SqlDatabase(legacy.url) as third:
        await asyncio.gather(SCHEMA.migrate(legacy), SCHEMA.migrate(other), SCHEMA.migrate(third))
    assert await rows(legacy, "SELECT version_num FROM wa_schema") == [(SCHEMA.head,)]
    assert len(await rows(legacy, "SELECT id FROM ll_ia_conversaciones")) == 3


@pytest.mark.parametrize("legacy", [NEWEST], indirect=True)
async def test_the_legacy_history_is_used(legacy: SqlDatabase) -> None:
    """Stored under the number or under the address."""
    await SCHEMA.migrate(legacy)
    async with legacy.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO ll_ia_conversaciones (telefono, rol, mensaje)"
                " VALUES ('5491155500001', 'assistant', 'A las 9')"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO ll_ia_conversaciones (telefono, rol, mensaje) VALUES ('5491155500001', 'user', '¿Seguro?')"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO wa_message (id, session, message_id, chat_id, part, conversation_id, verdict, timestamp)"
                " VALUES (1, 'haby', 'x', 1, 0, 4, 'answer', 0)"
            )
        )
    pending = Pending(
        1, "haby", "x", 1, "5491155500001@c.us", 0, "5491155500001", 51, "¿Seguro?", 0, False, Verdict.ANSWER
    )
    history = await PendingWork(legacy).history(pending, 10)
    assert [(one.role, one.text) for one in history] == [("user", "Mañana ¿a qué hora?"), ("assistant", "A las 9")]


async def test_rows_from_before_the_kinds_are_kept(database: SqlDatabase) -> None:
    insert = (
        "INSERT INTO wa_message (session, message_id, chat_id, part, verdict, timestamp)"
        " VALUES ('haby', 'x', 1, 0, 'answered', 0)"
    )
    alter = ("ALTER TABLE wa_message DROP COLUMN kind", "ALTER TABLE wa_message DROP COLUMN title")
    async with database.write() as connection:
        for statement in (*alter, insert, "UPDATE wa_schema SET version_num = '0003'"):
            await connection.execute(text(statement))
    await SCHEMA.migrate(database)
    assert await rows(database, "SELECT message_id, kind, title FROM wa_message") == [("x", None, None)]
    assert await rows(database, "SELECT version_num FROM wa_schema") == [(SCHEMA.head,)]


async def test_a_newer_schema_is_refused(database: SqlDatabase) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE wa_schema SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusable, match="Update the responder"):
        await SCHEMA.migrate(database)


async def test_a_legacy_table_on_sqlite_is_migrated(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("sqlite")
    async with SqlDatabase(load(data_dir=folder).database_url) as database:
        async with database.write() as connection:
            await connection.execute(
                text(
                    "CREATE TABLE ll_ia_conversaciones"
                    " (id INTEGER PRIMARY KEY, telefono VARCHAR(20), rol TEXT, mensaje TEXT)"
                )
            )
            await connection.execute(text("INSERT INTO ll_ia_conversaciones VALUES (1, '1', 'user', 'Año')"))
        await SCHEMA.migrate(database)
        query = "SELECT id, cliente_id, telefono, mensaje, pauso_ia FROM ll_ia_conversaciones"
        assert await rows(database, query) == [(1, 51, "1", "Año", 0)]
