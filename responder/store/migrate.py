"""Brings a database to the present schema: an empty one, an older one of ours, or one of a legacy installation.

Alembic does the work and is imported only where there is work. Two replicas that start at once take turns.
"""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection, inspect, text

from responder.errors import DatabaseUnusable
from responder.store.database import Database

#: The newest file in `migrations/versions`.
HEAD = "0001"
VERSION_TABLE = "wa_schema"
#: Seconds to wait for another replica that migrates.
PATIENCE = 600


async def migrate(database: Database) -> None:
    """Migrate if need be. Raises DatabaseDown, DatabaseUnusable (a schema of a later version)."""
    async with database.read() as connection:
        version = await connection.run_sync(_version)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise DatabaseUnusable(
            f"The database has schema {version}; this version of the responder knows {HEAD}. Update the responder."
        )
    async with database.migrating() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT GET_LOCK('wa_responder_schema', :patience)"), {"patience": PATIENCE})
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

    with resources.as_file(resources.files(__package__) / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")
