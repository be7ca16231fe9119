"""Migrates a database to the current schema of a service: an empty one, an earlier schema, or one that it adopts.

Alembic runs in a process of its own, and only if there is something to migrate: it would stay in memory (10 MB).
A new SQLite file gets the current tables without it: the process takes 1 s of CPU. Replicas that start at the same
time take turns.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from importlib import import_module, resources

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, text
from sqlalchemy.engine import make_url

from bridge.sql.database import SqlDatabase
from bridge.sql.errors import DatabaseDown, DatabaseUnusable

#: Seconds to wait for another replica that is migrating.
LOCK_TIMEOUT = 600
#: Exit code of the process if the database went down meanwhile (`EX_TEMPFAIL` of sysexits.h).
DOWN = 75


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one service. `package` holds its scripts in `migrations`, `head` is the newest of them.

    Its module `schema` has this as `SCHEMA`. Services may share one database: each has a version table of its own.
    """

    service: str
    package: str
    head: str
    version_table: str
    tables: MetaData

    async def migrate(self, database: SqlDatabase) -> None:
        """Migrate if necessary. Raises DatabaseDown, DatabaseUnusable (a newer schema, a migration that failed)."""
        async with database.read() as connection:
            version = await connection.run_sync(self._version)
        if version == self.head:
            return
        if version is not None and version > self.head:
            raise DatabaseUnusable(
                f"The database has schema {version}; this version of the {self.service} knows {self.head}."
                f" Update the {self.service}."
            )
        if version is None and database.is_sqlite:
            async with database.write() as connection:
                if await connection.run_sync(self._create):
                    return
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __spec__.name, f"{self.package}.schema"),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
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
            raise kind(f"The tables of the {self.service} could not be migrated: {reason}")

    async def is_there(self, database: SqlDatabase) -> bool:
        """Whether the database has the tables. Raises DatabaseDown."""
        async with database.read() as connection:
            return await connection.run_sync(self._version) is not None

    async def upgrade(self, database: SqlDatabase) -> None:
        """Migrate in this process. Raises DatabaseDown, and what Alembic raises."""
        async with database.migrating() as connection:
            lock = {"lock": self.version_table, "timeout": LOCK_TIMEOUT}
            if not database.is_sqlite:
                await connection.execute(text("SELECT GET_LOCK(:lock, :timeout)"), lock)
            try:
                if await connection.run_sync(self._version) != self.head:
                    await connection.run_sync(self._upgrade)
                    await connection.commit()
            finally:
                if not database.is_sqlite:
                    await connection.execute(text("SELECT RELEASE_LOCK(:lock)"), lock)

    def _version(self, connection: Connection) -> str | None:
        if not inspect(connection).has_table(self.version_table):
            return None
        query = text(f"SELECT version_num FROM {self.version_table}")  # noqa: S608 - a constant
        return connection.execute(query).scalar()

    def _create(self, connection: Connection) -> bool:
        """Create the tables if there is none. True if they are the current ones then, maybe by another replica."""
        if self.tables.tables.keys().isdisjoint(inspect(connection).get_table_names()):
            self.tables.create_all(connection)
            version = Column("version_num", String(32), nullable=False)  # as Alembic declares it
            key = PrimaryKeyConstraint("version_num", name=f"{self.version_table}_pkc")
            table = Table(self.version_table, MetaData(), version, key)
            table.create(connection, checkfirst=True)
            connection.execute(insert(table).values(version_num=self.head))
        return self._version(connection) == self.head

    def _upgrade(self, connection: Connection) -> None:
        from alembic import command
        from alembic.config import Config

        with resources.as_file(resources.files(self.package) / "migrations") as scripts:
            config = Config()
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            config.attributes["connection"] = connection
            config.attributes["version_table"] = self.version_table
            command.upgrade(config, "head")


async def _main() -> None:
    schema: Schema = import_module(sys.argv[1]).SCHEMA
    async with SqlDatabase(make_url(sys.stdin.read())) as database:
        try:
            await schema.upgrade(database)
        except DatabaseDown as error:
            sys.stderr.write(f"{error.text}\n")
            sys.exit(DOWN)


if __name__ == "__main__":
    asyncio.run(_main())
