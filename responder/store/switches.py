"""The switches: of the whole responder, and of each client in the legacy table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from responder.recording import Standing
from responder.store.database import Database
from responder.store.moments import unix
from responder.store.schema import bot_config, switches

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class ClientSwitch:
    """One client's switch. Without a row, `row` is false and the switch follows the setting."""

    cliente_id: int
    active: bool
    updated_at: float | None


async def read_standing(connection: AsyncConnection, configured: bool, clients: Collection[int]) -> Standing:
    """All switches that concern these clients, as they are now.

    An administrator's order outlives a restart, until the operator changes the setting: the later word counts.
    """
    row = (await connection.execute(select(switches).where(switches.c.name == ACTIVE))).one_or_none()
    query = select(bot_config.c.cliente_id, bot_config.c.bot_activo).where(bot_config.c.cliente_id.in_(list(clients)))
    return Standing(
        active=row.value if row is not None and row.configured == configured else configured,
        clients={found.cliente_id: bool(found.bot_activo) for found in await connection.execute(query)},
    )


async def write_active(connection: AsyncConnection, active: bool, configured: bool) -> None:
    """Turn the switch of the whole responder."""
    values = {"value": active, "configured": configured}
    there = (await connection.execute(select(switches.c.name).where(switches.c.name == ACTIVE))).first()
    if there:
        await connection.execute(update(switches).where(switches.c.name == ACTIVE).values(values))
    else:
        await connection.execute(insert(switches).values(name=ACTIVE, **values))


class Switches:
    """The switches as the HTTP surface sees them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def active(self, configured: bool) -> bool:
        """The switch of the whole responder. Raises DatabaseDown."""
        async with self._database.read() as connection:
            return (await read_standing(connection, configured, ())).active

    async def set_active(self, active: bool, configured: bool) -> None:
        """Turn it. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await write_active(connection, active, configured)

    async def client(self, cliente_id: int, configured: bool) -> ClientSwitch:
        """A client's switch. Raises DatabaseDown."""
        query = select(bot_config.c.bot_activo, unix(bot_config.c.updated_at, self._database.is_sqlite)).where(
            bot_config.c.cliente_id == cliente_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return ClientSwitch(cliente_id, (await read_standing(connection, configured, ())).active, None)
        return ClientSwitch(cliente_id, bool(row[0]), row[1] and float(row[1]))

    async def set_client(self, cliente_id: int, active: bool) -> None:
        """Turn it. Raises DatabaseDown."""
        values = {"bot_activo": int(active), "updated_at": func.current_timestamp()}
        async with self._database.write() as connection:
            where = bot_config.c.cliente_id == cliente_id
            if (await connection.execute(select(bot_config.c.id).where(where))).first():
                await connection.execute(update(bot_config).where(where).values(values))
            else:
                await connection.execute(insert(bot_config).values(cliente_id=cliente_id, **values))

    async def clients(self) -> list[ClientSwitch]:
        """All clients that have one. Raises DatabaseDown."""
        query = select(
            bot_config.c.cliente_id, bot_config.c.bot_activo, unix(bot_config.c.updated_at, self._database.is_sqlite)
        ).order_by(bot_config.c.cliente_id)
        async with self._database.read() as connection:
            return [ClientSwitch(row[0], bool(row[1]), row[2]) for row in await connection.execute(query)]
