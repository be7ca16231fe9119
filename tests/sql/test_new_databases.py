"""The first start on a SQLite file: the tables that the migrations make, without what only they need."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from bridge.sql.database import SqlDatabase
from bridge.sql.migrations import Schema
from tests.mariadb_server import migrate

SERVICES = ("campaigns", "responder")
#: Migrates a database, then prints the processes that it started, and whether Alembic is loaded.
FIRST_START = """
import asyncio, json, sys
from importlib import import_module
from sqlalchemy.engine import make_url
from bridge.sql.database import SqlDatabase

started = []
sys.addaudithook(lambda event, arguments: event == "subprocess.Popen" and started.append(str(arguments[1])))

async def first_start():
    async with SqlDatabase(make_url(sys.argv[1])) as database:
        await import_module(sys.argv[2]).SCHEMA.migrate(database)

asyncio.run(first_start())
print(json.dumps([started, "alembic" in sys.modules]))
"""


def schema_of(service: str) -> Schema:
    schema: Schema = import_module(f"{service}.store.schema").SCHEMA
    return schema


def url_of(file: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(file))


async def contents(url: URL, schema: Schema) -> tuple[list[str], list[str]]:
    """What created each table and index, and the recorded versions."""
    async with SqlDatabase(url) as database, database.read() as connection:
        made = await connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))
        versions = await connection.execute(text(f"SELECT version_num FROM {schema.version_table}"))
        return [" ".join(sql.split()) for sql in made.scalars()], list(versions.scalars())


@pytest.mark.parametrize("service", SERVICES)
def test_a_new_sqlite_file_needs_no_migration(service: str, tmp_path: Path) -> None:
    """A second interpreter with Alembic took a second of CPU at each first start."""
    url, schema = url_of(tmp_path / "new.db"), schema_of(service)
    arguments = (url.render_as_string(), f"{service}.store.schema")
    done = subprocess.run([sys.executable, "-c", FIRST_START, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], False]

    migrate(schema, url_of(tmp_path / "migrated.db"))
    migrated = asyncio.run(contents(url_of(tmp_path / "migrated.db"), schema))
    assert asyncio.run(contents(url, schema)) == migrated
    assert migrated[1] == [schema.head]


@pytest.mark.parametrize("service", SERVICES)
async def test_starts_at_the_same_time_create_the_tables_once(service: str, tmp_path: Path) -> None:
    url, schema = url_of(tmp_path / "new.db"), schema_of(service)
    async with SqlDatabase(url) as one, SqlDatabase(url) as other, SqlDatabase(url) as third:
        await asyncio.gather(*(schema.migrate(database) for database in (one, other, third)))
    assert (await contents(url, schema))[1] == [schema.head]


@pytest.mark.parametrize("service", SERVICES)
async def test_tables_without_a_version_are_migrated(service: str, tmp_path: Path) -> None:
    """An earlier start was ended before it had recorded the version."""
    url, schema = url_of(tmp_path / "new.db"), schema_of(service)
    async with SqlDatabase(url) as database:
        await schema.migrate(database)
        whole = await contents(url, schema)
        async with database.write() as connection:
            await connection.execute(text(f"DROP TABLE {schema.version_table}"))
        await schema.migrate(database)
    assert await contents(url, schema) == whole
