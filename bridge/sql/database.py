"""The database: connections, transactions, and whether it answers. One writer at a time on SQLite.

Owns the engine and raises `DatabaseDown`; the services own the tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bridge.contract.errors import StartError
from bridge.sql.errors import DatabaseDown, StatementLost
from bridge.sql.mysql_driver import load_driver

#: Seconds that a transaction may take; a server that hangs counts as down.
DEADLINE = 15.0
#: Seconds before a retry while the database is down: the first, and the limit of the doubling.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0

#: MySQL's codes for a lock wait timeout and a deadlock: the server is up, and the next try succeeds.
_TRY_AGAIN = (1205, 1213)
#: MySQL's codes for a statement that is too large, and for a connection that ended, which is how many servers say that.
_LOST = (1153, 2006, 2013)
_NOT_TRIED = "not tried yet"
_T = TypeVar("_T")


class TroubleLog(Protocol):
    """Receives what is wrong with the database, and its end."""

    def note(self, code: str, where: str, text: str) -> None:
        """The database fails; once, until `recovered`."""
        ...

    def recovered(self, code: str, where: str, text: str) -> None:
        """The database answers again."""
        ...


class SqlDatabase:
    """Use as `async with`. Connections are opened on first use, so that a start needs no server."""

    def __init__(self, url: URL, faults: TroubleLog | None = None) -> None:
        self.url = url
        self._faults = faults
        self.is_sqlite = url.get_backend_name() == "sqlite"
        #: The error of the last attempt, None while the database answers.
        self.trouble: str | None = _NOT_TRIED
        #: The server's `max_allowed_packet`: bytes that a statement may have. None if there is no limit.
        self.largest_statement: int | None = None
        self._writing = asyncio.Lock()
        self._engine: AsyncEngine

    async def __aenter__(self) -> Self:
        if self.is_sqlite:
            self._engine = create_async_engine(self.url)
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self._engine.sync_engine, "invalidate", _roll_back_sqlite)
        else:
            load_driver()
            self._engine = create_async_engine(
                self.url,
                isolation_level="READ COMMITTED",  # what another replica commits must be visible at once
                pool_pre_ping=True,
                pool_recycle=1800,
                pool_timeout=DEADLINE,
                connect_args={"connect_timeout": 5},
            )
            event.listen(self._engine.sync_engine, "connect", self._prepare_mysql)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading. Raises DatabaseDown."""
        async with self._answering(), self._connected() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block. Raises DatabaseDown."""
        if not self.is_sqlite:
            async with self._answering(), self._connected() as connection, connection.begin():
                yield connection
            return
        async with self._writing, self._answering(), self._engine.connect() as plain:
            connection = await plain.execution_options(writes=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A connection without a deadline: altering a large table takes long. Raises DatabaseDown."""
        async with self._writing, self._answering(None), self._engine.connect() as plain:
            connection = await plain.execution_options(writes=True)
            yield connection

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[AsyncConnection]:
        """A connection that is kept for long, without transactions, and closed at the end: what the server binds to a
        connection ends with it. Each statement needs a deadline of the caller's. Raises DatabaseDown."""
        async with self._answering(None):
            async with asyncio.timeout(DEADLINE):
                plain = await self._engine.connect()
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                await connection.invalidate()
                await connection.close()

    async def wipe(self) -> None:
        """Overwrite deleted rows on disk (SQLite; a server does this by itself).

        Raises DatabaseDown if other processes keep the file busy.
        """
        if not self.is_sqlite:
            return
        async with self._writing, self._answering(), self._engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            for step in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                await (await raw.execute(step)).close()

    async def now(self, connection: AsyncConnection) -> float:
        """Unix seconds by the database's clock, which all replicas share."""
        clock = "(julianday('now') - 2440587.5) * 86400.0" if self.is_sqlite else "UNIX_TIMESTAMP(NOW(6))"
        return float((await connection.execute(text(f"SELECT {clock}"))).scalar_one())

    async def answers(self) -> bool:
        """Whether the database answers now."""
        try:
            async with self.read() as connection:
                await connection.execute(text("SELECT 1"))
        except DatabaseDown:
            return False
        return True

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose close can be cancelled.

        SQLAlchemy's `async with` shields the close from cancellation, and the close asks the server to roll back: with
        a server that hangs it never ended, past the deadline and past the shutdown. On SQLite there is no server to
        wait for, and an interrupted close would keep its lock.
        """
        if self.is_sqlite:
            async with self._engine.connect() as connection:
                yield connection
            return
        connection = await self._engine.connect()
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def _answering(self, deadline: float | None = DEADLINE) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(deadline):
                yield
        except (OperationalError, InterfaceError, InternalError, PoolTimeout, OSError, TimeoutError) as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
            if cause.args and cause.args[0] in _TRY_AGAIN:
                raise DatabaseDown(f"Conflict with another transaction ({cause}).") from error
            self._note(f"{type(cause).__name__}: {cause}"[:300] if str(cause) else type(cause).__name__)
            kind = StatementLost if cause.args and cause.args[0] in _LOST else DatabaseDown
            raise kind(f"The database does not answer ({self.trouble}).") from error
        else:
            self._note(None)

    def _prepare_mysql(self, connection: Any, _: object) -> None:
        """A replica that hangs within a transaction must not hold its locks indefinitely, nor block others for long.

        MariaDB ends such a transaction; MySQL cannot, and there the locks last until the connection breaks.
        """
        cursor = connection.cursor()
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 5")
        cursor.execute("SELECT VERSION(), @@max_allowed_packet")
        version, packet = cursor.fetchone()
        self.largest_statement = int(packet)
        if "MariaDB" in str(version):
            cursor.execute("SET SESSION idle_transaction_timeout = 10")
        cursor.close()

    def _note(self, trouble: str | None) -> None:
        before, self.trouble = self.trouble, trouble
        if self._faults is None or (trouble is None and before in (None, _NOT_TRIED)):
            return
        if trouble is None:
            self._faults.recovered("database_up", "database", "It answers again.")
        elif before in (None, _NOT_TRIED):
            self._faults.note(DatabaseDown.code, "database", f"It does not answer: {trouble}")


async def pause_before_retry(pause: float) -> float:
    """Wait before a retry; returns the pause before the next one."""
    await asyncio.sleep(pause)
    return min(pause * 2, LONGEST_PAUSE)


async def while_down(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat an attempt while the database is down."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except DatabaseDown:
            pause = await pause_before_retry(pause)


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # `_begin_sqlite` begins transactions, not the driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _roll_back_sqlite(connection: Any, _: object, error: BaseException | None) -> None:
    """End a cancelled transaction.

    SQLAlchemy only closes its connection, which keeps the lock as long as a statement of it has rows left.
    """
    if isinstance(error, asyncio.CancelledError):
        connection.rollback()


def make_private(database: Path) -> None:
    """Create a SQLite database and its folder if missing; deny other users access. Raises OSError, StartError."""
    folder = database.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database.touch(mode=0o600)  # SQLite gives -wal and -shm the mode of the database
    for path in (folder, *(database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm"))):
        if path.exists() and path.stat().st_mode & 0o077:
            try:
                path.chmod(0o700 if path is folder else 0o600)
            except PermissionError as error:
                raise StartError(
                    f"Other users can read {path}, which holds what people wrote, and this user may not change"
                    f" its mode. Give it to this user, or name another folder in WA_DATA_DIR."
                ) from error
