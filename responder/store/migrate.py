"""Migrates a database to the current schema: an empty one, an earlier schema, or a legacy installation.

Alembic runs in a process of its own, and only if there is something to migrate: it would stay in memory (10 MB).
Replicas that start at the same time take turns.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import resources

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from responder.errors import DatabaseDown, DatabaseUnusable
from responder.store.database import ResponderDatabase

#: The newest file in `migrations/versions`.
HEAD = "0004"
VERSION_TABLE = "wa_schema"
#: Seconds to wait for another replica that is migrating.
LOCK_TIMEOUT = 600
#: Exit code of the process if the database went down meanwhile (`EX_TEMPFAIL` of sysexits.h).
DOWN = 75


async def migrate(database: ResponderDatabase) -> None:
    """Migrate if necessary. Raises DatabaseDown, DatabaseUnusable (a newer schema, or a migration that failed)."""
    async with database.read() as connection:
        version = await connection.run_sync(_version)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise DatabaseUnusable(
            f"The database has schema {version}; this version of the responder knows {HEAD}. Update the responder."
        )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __spec__.name, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        # not as an argument: every user of the machine can read those
        _, stderr = await process.communicate(database.url.render_as_string(hide_password=False).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        reason = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        kind = DatabaseDown if process.returncode == DOWN else DatabaseUnusable
        raise kind(f"The responder's tables could not be migrated: {reason}")


async def is_migrated(database: ResponderDatabase) -> bool:
    """Whether the database has the responder's tables. Raises DatabaseDown."""
    async with database.read() as connection:
        return await connection.run_sync(_version) is not None


async def upgrade(database: ResponderDatabase) -> None:
    """Migrate in this process. Raises DatabaseDown, and what Alembic raises."""
    async with database.migrating() as connection:
        if not database.is_sqlite:
            await connection.execute(
                text("SELECT GET_LOCK('wa_responder_schema', :timeout)"), {"timeout": LOCK_TIMEOUT}
            )
        try:
            if await connection.run_sync(_version) != HEAD:
                await connection.run_sync(_upgrade)
                await connection.commit()
        finally:
            if not database.is_sqlite:
                await connection.execute(text("SELECT RELEASE_LOCK('wa_responder_schema')"))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    with resources.as_file(resources.files("responder.store") / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")


async def _main() -> None:
    async with ResponderDatabase(make_url(sys.stdin.read())) as database:
        try:
            await upgrade(database)
        except DatabaseDown as error:
            sys.stderr.write(f"{error.text}\n")
            sys.exit(DOWN)


if __name__ == "__main__":
    asyncio.run(_main())
