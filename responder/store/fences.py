"""The check that a lease still holds, made inside the transaction that relies on it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from responder.errors import LeaseLost
from responder.store.rows import Lease
from responder.store.statements import LEASES


async def lost_among(connection: AsyncConnection, held: Iterable[Lease]) -> set[str]:
    """Names of the leases that are somebody else's by now. The rows stay locked to the end of the transaction."""
    wanted = {lease.name: (lease.owner, lease.fence) for lease in held}
    if not wanted:
        return set()
    present = {row.name: (row.owner, row.fence) for row in await connection.execute(LEASES, {"names": sorted(wanted)})}
    return {name for name, mine in wanted.items() if present.get(name) != mine}


async def check(connection: AsyncConnection, lease: Lease) -> None:
    """Raise LeaseLost where the lease is another's by now."""
    if await lost_among(connection, [lease]):
        raise LeaseLost(f"{lease.name} is served by another replica by now.")
