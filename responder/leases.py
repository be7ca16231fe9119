"""Replicas: each holds leases on a fair share of the work, and lets go of what is another's.

The work is cut into leases: reading a session, and the chats in parts. A lease that was lost stops its work here at
once; what that work still tries to write is stopped by the fence in the store.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from responder.errors import DatabaseDown
from responder.store.database import until_it_answers
from responder.store.leases import Holdings, LeaseTable
from responder.store.rows import PARTS, Lease, chats_lease, reading_lease

_log = logging.getLogger(__name__)
#: Seconds that a lease lives without a heartbeat, and between two heartbeats.
TTL, BEAT = 10.0, 3.0


def all_leases(sessions: Collection[str]) -> tuple[str, ...]:
    """Everything that is to be shared."""
    return (*(reading_lease(session) for session in sessions), *(chats_lease(part) for part in range(PARTS)))


def fair_share(holdings: Holdings, names: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Which leases to take and which to give, so that every replica comes to hold as many. Pure."""
    share = math.ceil(len(names) / max(holdings.alive, 1))
    room = share - len(holdings.mine)
    if room >= 0:
        return frozenset(sorted(holdings.free)[:room]), frozenset()
    return frozenset(), frozenset(sorted(holdings.mine)[room:])


def owner_name() -> str:
    """This process: host, its space of process ids, id and start, so that a successor can see that it has ended."""
    process = psutil.Process()
    return f"{socket.gethostname()[:40]}|{_pid_space()}|{process.pid}|{process.create_time():.2f}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this machine that has ended; false where that cannot be told."""
    host, _, rest = owner.partition("|")
    space, _, rest = rest.partition("|")
    pid, _, started = rest.partition("|")
    if (host, space) != (socket.gethostname()[:40], _pid_space()) or not pid.isdigit():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != started or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _pid_space() -> str:
    """Containers that share a host name have process ids of their own."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    return "0"


class Work(Protocol):
    """What is done under leases."""

    async def begin(self, lease: Lease) -> None:
        """The lease is ours from now on."""
        ...

    async def end(self, name: str) -> None:
        """It is not any more; on return nothing is done under it."""
        ...


class Leases:
    """Keeps this process's leases while `run` runs, in `held`, which those who write under them read."""

    def __init__(
        self, table: LeaseTable, names: Collection[str], owner: str, work: Work, held: dict[str, Lease]
    ) -> None:
        self._table = table
        self._names = tuple(names)
        self._owner = owner
        self._work = work
        self.held = held
        #: Replicas that share the work, this one included.
        self.alive = 1

    async def run(self) -> None:
        pause = 0.5
        prepared = False
        while True:
            try:
                if not prepared:
                    await self._table.prepare()
                    prepared = True
                await self._beat()
                pause = 0.5
            except DatabaseDown:
                pause = await until_it_answers(pause)
                continue
            await asyncio.sleep(BEAT)

    async def leave(self) -> None:
        """Give everything back, so that another replica need not wait for the leases to run out."""
        for name in list(self.held):
            del self.held[name]
            await self._work.end(name)
        with suppress(DatabaseDown):
            await self._table.leave(self._owner)

    async def _beat(self) -> None:
        beat = await self._table.beat(self._owner, TTL, lambda holdings: fair_share(holdings, self._names))
        if beat.alive != self.alive:
            _log.info("%d replicas share the work.", beat.alive)
        self.alive = beat.alive
        for name in [name for name, lease in self.held.items() if beat.held.get(name) != lease]:
            _log.warning("Another replica has taken over %s.", name)
            del self.held[name]
            await self._work.end(name)
        for name, lease in beat.held.items():
            if name not in self.held:
                self.held[name] = lease
                await self._work.begin(lease)
        if beat.give:
            given = [self.held.pop(name) for name in sorted(beat.give) if name in self.held]
            for lease in given:
                await self._work.end(lease.name)
            await self._table.release(given)
