"""Replicas: each holds leases on a fair share of the work and gives up the rest.

The work is divided into leases: reading a session, and the chats in parts. When a lease is lost, the work under it
stops at once; what it still tries to write is stopped by the fence in the store.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from bridge.sql.database import FIRST_PAUSE, pause_before_retry
from bridge.sql.errors import DatabaseDown
from responder.store.leases import Holdings, LeaseTable
from responder.store.rows import PARTS, Lease, chats_lease, reading_lease

_log = logging.getLogger(__name__)
#: Seconds that a lease lives without a heartbeat, and between two heartbeats.
TTL, HEARTBEAT = 10.0, 3.0


def all_leases(sessions: Collection[str]) -> tuple[str, ...]:
    """Names of all leases that the replicas share."""
    return (*(reading_lease(session) for session in sessions), *(chats_lease(part) for part in range(PARTS)))


def fair_share(holdings: Holdings, names: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Which leases to take and which to give up, so that all replicas hold about the same number. Pure."""
    share = math.ceil(len(names) / max(holdings.alive, 1))
    missing = share - len(holdings.mine)
    if missing >= 0:
        return frozenset(sorted(holdings.free)[:missing]), frozenset()
    return frozenset(), frozenset(sorted(holdings.mine)[missing:])


def owner_name() -> str:
    """This process: host, pid namespace, pid and start time, so that a successor can check whether it has ended."""
    process = psutil.Process()
    return f"{socket.gethostname()[:40]}|{_pid_namespace()}|{process.pid}|{process.create_time():.2f}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this machine that has ended; False where that cannot be checked."""
    host, _, rest = owner.partition("|")
    namespace, _, rest = rest.partition("|")
    pid, _, started = rest.partition("|")
    if (host, namespace) != (socket.gethostname()[:40], _pid_namespace()) or not pid.isdigit():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != started or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _pid_namespace() -> str:
    """Containers that share a host name have pids of their own."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink()).removeprefix("pid:[").removesuffix("]")
    return "0"


@dataclass(slots=True)
class HeldLeases:
    """What this process holds. Written by `Leases` alone, read by the parts that work under the leases."""

    by_name: dict[str, Lease] = field(default_factory=dict)
    #: Live replicas that share the work, this one included.
    replicas: int = 1


class LeasedWork(Protocol):
    """The work that is done under leases."""

    async def begin(self, lease: Lease) -> None:
        """Start the work of a lease that this process has just taken."""
        ...

    async def end(self, name: str) -> None:
        """Stop the work of a lease; after the return nothing is done under it."""
        ...


class Leases:
    """Keeps `held` up to date while `run` runs, and starts and stops the work accordingly."""

    def __init__(
        self, table: LeaseTable, names: Collection[str], owner: str, work: LeasedWork, held: HeldLeases
    ) -> None:
        self._table = table
        self._names = tuple(names)
        self._owner = owner
        self._work = work
        self._held = held

    async def run(self) -> None:
        pause = FIRST_PAUSE
        is_prepared = False
        while True:
            try:
                if not is_prepared:
                    await self._table.prepare()
                    is_prepared = True
                await self._beat()
                pause = FIRST_PAUSE
            except DatabaseDown:
                pause = await pause_before_retry(pause)
                continue
            await asyncio.sleep(HEARTBEAT)

    async def leave(self) -> None:
        """Give up all leases, so that other replicas need not wait for them to expire."""
        for name in list(self._held.by_name):
            del self._held.by_name[name]
            await self._work.end(name)
        with suppress(DatabaseDown):
            await self._table.leave(self._owner)

    async def _beat(self) -> None:
        held = self._held.by_name
        beat = await self._table.beat(self._owner, TTL, lambda holdings: fair_share(holdings, self._names))
        if beat.alive != self._held.replicas:
            _log.info("%d replicas share the work.", beat.alive)
        self._held.replicas = beat.alive
        for name in [name for name, lease in held.items() if beat.held.get(name) != lease]:
            _log.warning("Another replica has taken over %s.", name)
            del held[name]
            await self._work.end(name)
        for name, lease in beat.held.items():
            if name not in held:
                held[name] = lease
                await self._work.begin(lease)
        if beat.give:
            given = [held.pop(name) for name in sorted(beat.give) if name in held]
            for lease in given:
                await self._work.end(lease.name)
            await self._table.release(given)
