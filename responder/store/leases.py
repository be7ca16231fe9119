"""The leases in the store: taken, renewed and released by one transaction each, on the database's clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.sql.database import SqlDatabase
from responder.errors import LeaseLost
from responder.store.rows import Lease
from responder.store.schema import leases, replicas
from responder.store.statements import LEASES


@dataclass(frozen=True, slots=True)
class Holdings:
    """The leases of this replica, those without an owner, and the number of live replicas, this one included."""

    mine: frozenset[str]
    free: frozenset[str]
    alive: int


@dataclass(frozen=True, slots=True)
class Beat:
    """The result of a heartbeat: the leases held after it, those to give up, and the number of live replicas."""

    held: dict[str, Lease]
    give: frozenset[str]
    alive: int


Plan = Callable[[Holdings], tuple[frozenset[str], frozenset[str]]]


class LeaseTable:
    """`is_gone` says of an owner whether its process is known to have ended. `names` are the leases to share."""

    def __init__(self, database: SqlDatabase, is_gone: Callable[[str], bool]) -> None:
        self._database = database
        self._is_gone = is_gone

    async def prepare(self, names: Collection[str]) -> None:
        """Insert the missing rows. Raises DatabaseDown."""
        try:
            async with self._database.write() as connection:
                present = set((await connection.execute(select(leases.c.name))).scalars())
                if missing := [{"name": name} for name in sorted(names) if name not in present]:
                    await connection.execute(insert(leases), missing)
        except IntegrityError:  # another replica inserted one of them at the same time
            await self.prepare(names)

    async def beat(self, owner: str, ttl: float, names: Collection[str], plan: Plan) -> Beat:
        """Renew the held leases among `names` for `ttl` seconds and take what `plan` selects. Raises DatabaseDown."""
        wanted = tuple(sorted(names))
        async with self._database.write() as connection:
            now = await self._database.now(connection)
            alive = await self._alive(connection, owner, now, ttl)
            held_now = (leases.c.owner == owner) & leases.c.name.in_(wanted)
            await connection.execute(update(leases).where(held_now).values(expires_at=now + ttl))
            query = select(leases).where(leases.c.name.in_(wanted)).order_by(leases.c.name).with_for_update()
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
        """Release leases. Raises DatabaseDown."""
        async with self._database.write() as connection:
            for lease in held:
                await connection.execute(
                    update(leases)
                    .where(leases.c.name == lease.name, leases.c.owner == lease.owner, leases.c.fence == lease.fence)
                    .values(owner=None, expires_at=0)
                )

    async def leave(self, owner: str) -> None:
        """Remove this replica and release its leases. Raises DatabaseDown."""
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


async def lost_leases(connection: AsyncConnection, held: Iterable[Lease]) -> set[str]:
    """Names of the leases that another replica holds by now. The rows stay locked until the transaction ends."""
    wanted = {lease.name: (lease.owner, lease.fence) for lease in held}
    if not wanted:
        return set()
    present = {row.name: (row.owner, row.fence) for row in await connection.execute(LEASES, {"names": sorted(wanted)})}
    return {name for name, mine in wanted.items() if present.get(name) != mine}


async def check_lease(connection: AsyncConnection, lease: Lease) -> None:
    """Raise LeaseLost if another replica holds the lease by now."""
    if await lost_leases(connection, [lease]):
        raise LeaseLost(f"{lease.name} is served by another replica by now.")
