"""The leases in the store: taken, kept and given back by one transaction each, on the database's own clock."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from responder.store.database import ResponderDatabase
from responder.store.rows import Lease
from responder.store.schema import leases, replicas


@dataclass(frozen=True, slots=True)
class Holdings:
    """How the leases stand: which are ours, which nobody has, how many replicas are alive (we among them)."""

    mine: frozenset[str]
    free: frozenset[str]
    alive: int


@dataclass(frozen=True, slots=True)
class Beat:
    """What one heartbeat did: all that is ours after it, and how many replicas are alive."""

    held: dict[str, Lease]
    give: frozenset[str]
    alive: int


Plan = Callable[[Holdings], tuple[frozenset[str], frozenset[str]]]


class LeaseTable:
    """`names` are all leases there are; `is_gone` tells of an owner whose process is known to have ended."""

    def __init__(self, database: ResponderDatabase, names: Collection[str], is_gone: Callable[[str], bool]) -> None:
        self._database = database
        self._names = tuple(sorted(names))
        self._is_gone = is_gone

    async def prepare(self) -> None:
        """Make the rows that are missing. Raises DatabaseDown."""
        try:
            async with self._database.write() as connection:
                there = set((await connection.execute(select(leases.c.name))).scalars())
                if missing := [{"name": name} for name in self._names if name not in there]:
                    await connection.execute(insert(leases), missing)
        except IntegrityError:  # another replica made them at this moment
            return

    async def beat(self, owner: str, ttl: float, plan: Plan) -> Beat:
        """Keep what is ours for `ttl` seconds more, and take what the plan says. Raises DatabaseDown."""
        async with self._database.write() as connection:
            now = await self._database.now(connection)
            alive = await self._alive(connection, owner, now, ttl)
            await connection.execute(update(leases).where(leases.c.owner == owner).values(expires_at=now + ttl))
            query = select(leases).where(leases.c.name.in_(self._names)).order_by(leases.c.name).with_for_update()
            rows = (await connection.execute(query)).all()
            free = {row.name for row in rows if row.owner is None or row.expires_at <= now or self._is_gone(row.owner)}
            held = {row.name: Lease(row.name, owner, row.fence) for row in rows if row.owner == owner}
            take, give = plan(Holdings(frozenset(held), frozenset(free - set(held)), alive))
            for row in rows:
                if row.name in take:
                    await connection.execute(
                        update(leases)
                        .where(leases.c.name == row.name)
                        .values(owner=owner, fence=row.fence + 1, expires_at=now + ttl)
                    )
                    held[row.name] = Lease(row.name, owner, row.fence + 1)
            return Beat(held, give, alive)

    async def release(self, held: Collection[Lease]) -> None:
        """Give leases back. Raises DatabaseDown."""
        async with self._database.write() as connection:
            for lease in held:
                await connection.execute(
                    update(leases)
                    .where(leases.c.name == lease.name, leases.c.owner == lease.owner, leases.c.fence == lease.fence)
                    .values(owner=None, expires_at=0)
                )

    async def leave(self, owner: str) -> None:
        """Be no replica any more. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await connection.execute(delete(replicas).where(replicas.c.owner == owner))
            await connection.execute(update(leases).where(leases.c.owner == owner).values(owner=None, expires_at=0))

    async def _alive(self, connection: AsyncConnection, owner: str, now: float, ttl: float) -> int:
        known = {row.owner: row.expires_at for row in await connection.execute(select(replicas))}
        if owner in known:
            await connection.execute(update(replicas).where(replicas.c.owner == owner).values(expires_at=now + ttl))
        else:
            await connection.execute(insert(replicas).values(owner=owner, expires_at=now + ttl))
        gone = [name for name, until in known.items() if name != owner and (until <= now or self._is_gone(name))]
        if gone:
            await connection.execute(delete(replicas).where(replicas.c.owner.in_(gone)))
        return len({*known, owner} - set(gone))
