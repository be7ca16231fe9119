"""One service at a time works on a database; the others wait, and one of them takes over when it ends.

On MySQL it is a lock of the server on a connection of its own, which ends with the process; on SQLite a lock of the
file system beside the database. What is stored stays right without it: a recipient is claimed once, and its command has
one id. But two services would double every pace and repeat every event.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.sql.database import FIRST_PAUSE, SqlDatabase, pause_before_retry
from bridge.sql.errors import DatabaseDown

_log = logging.getLogger(__name__)
#: Seconds after which a server drops the connection of a machine that was switched off.
ABANDONED = 30


@dataclass(frozen=True, slots=True)
class LockTimes:
    """Seconds between two tries to get the lock; between two looks whether it is still held, and for their answer."""

    attempt: float = 1.0
    check: float = 2.0


class LockLost(DatabaseDown):
    """The connection that held the lock has ended: another service may work by now."""


class _Lock(Protocol):
    async def take(self) -> bool: ...

    async def check(self) -> None: ...


class WorkLock:
    """`run` does the work while this process holds the lock."""

    def __init__(self, database: SqlDatabase, times: LockTimes = LockTimes()) -> None:
        self._database = database
        self._times = times
        #: Whether this process works; whether it waits because another one does.
        self.is_held = False
        self.is_standby = False

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the lock and work until `work` returns; stop the work and wait again if the lock is lost.

        Raises what `work` raises, in an ExceptionGroup.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._opened() as lock:
                    await self._wait(lock)
                    pause = FIRST_PAUSE
                    await self._work_under(lock, work)
                    return
            except* DatabaseDown as group:
                _log.warning("The lock on the database is lost: %s", group.exceptions[0])
            finally:
                self.is_held = self.is_standby = False
            pause = await pause_before_retry(pause)

    async def _wait(self, lock: _Lock) -> None:
        while not await self._taken(lock):
            if not self.is_standby:
                self.is_standby = True
                _log.warning("Another campaigns service works on this database. This one waits, and takes over.")
            await asyncio.sleep(self._times.attempt)
        if self.is_standby:
            _log.warning("The other campaigns service has ended: this one works now.")
        self.is_held, self.is_standby = True, False

    async def _taken(self, lock: _Lock) -> bool:
        async with asyncio.timeout(self._times.check):
            return await lock.take()

    async def _work_under(self, lock: _Lock, work: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            checking = tasks.create_task(_checked(lock, self._times.check), name="check the lock of the campaigns")
            try:
                await work()
            finally:
                checking.cancel()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[_Lock]:
        if self._database.is_sqlite:
            path = Path(f"{self._database.url.database}.lock")
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                yield _FileLock(file)
            finally:
                os.close(file)
            return
        async with self._database.apart() as connection:
            await connection.execute(text(f"SET SESSION wait_timeout = {ABANDONED}"))
            yield _ServerLock(self._database, connection)


class _FileLock:
    """The kernel gives it back however the process ends."""

    def __init__(self, file: int) -> None:
        self._file = file

    async def take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def check(self) -> None:
        return


class _ServerLock:
    """GET_LOCK, whose names are those of the whole server: the name has the database in it."""

    def __init__(self, database: SqlDatabase, connection: AsyncConnection) -> None:
        self._connection = connection
        digest = hashlib.sha256(str(database.url.database).encode()).hexdigest()
        self._name = {"name": f"wa_campaigns_{digest[:32]}"}

    async def take(self) -> bool:
        return bool(await self._ask("SELECT GET_LOCK(:name, 0)"))

    async def check(self) -> None:
        if not await self._ask("SELECT IS_USED_LOCK(:name) = CONNECTION_ID()"):
            raise LockLost("The database server has given the lock back.")

    async def _ask(self, query: str) -> int | None:
        answer: int | None = (await self._connection.execute(text(query), self._name)).scalar()
        return answer


async def _checked(lock: _Lock, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            async with asyncio.timeout(every):
                await lock.check()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise LockLost(f"The database does not answer ({type(error).__name__}).") from error
