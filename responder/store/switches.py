"""The switches: of the whole responder, and of each client in the legacy table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from responder.recorder import SwitchState
from responder.store.database import ResponderDatabase
from responder.store.schema import bot_config, switches
from responder.store.timestamps import unix

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class ClientSwitch:
    """One client's switch. Without a row it follows that of the whole, and nobody has turned it."""

    cliente_id: int
    active: bool
    updated_at: float | None


#: Seconds for which a switch that somebody else turned may go unnoticed: another replica, or a tool of the operator's.
REMEMBERED = 1.0


async def _read(connection: AsyncConnection, configured: bool) -> SwitchState:
    """All switches.

    An administrator's order outlives a restart, until the operator changes the setting: the later word counts.
    """
    row = (await connection.execute(select(switches).where(switches.c.name == ACTIVE))).one_or_none()
    found = await connection.execute(select(bot_config.c.cliente_id, bot_config.c.bot_activo))
    return SwitchState(
        active=row.value if row is not None and row.configured == configured else configured,
        clients={one.cliente_id: bool(one.bot_activo) for one in found},
    )


class Switches:
    """Reads and turns them. `configured` is RESPONDER_ACTIVO; what was read is good for `REMEMBERED` seconds."""

    def __init__(self, database: ResponderDatabase, configured: bool, clock: Callable[[], float]) -> None:
        self._database = database
        self._configured = configured
        self._clock = clock
        self._known: SwitchState | None = None
        self._known_until = 0.0

    async def standing(self, connection: AsyncConnection) -> SwitchState:
        """The switches, for the caller to keep."""
        if self._known is None or self._clock() >= self._known_until:
            self._known = await _read(connection, self._configured)
            self._known_until = self._clock() + REMEMBERED
        return SwitchState(self._known.active, self._known.clients)

    async def active(self) -> bool:
        """The switch of the whole responder. Raises DatabaseDown."""
        async with self._database.read() as connection:
            return (await self.standing(connection)).active

    async def set_active(self, active: bool) -> None:
        """Turn it. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await self.write_active(connection, active)

    async def write_active(self, connection: AsyncConnection, active: bool) -> None:
        """Turn it within a transaction."""
        self._known = None
        values = {"value": active, "configured": self._configured}
        there = (await connection.execute(select(switches.c.name).where(switches.c.name == ACTIVE))).first()
        if there:
            await connection.execute(update(switches).where(switches.c.name == ACTIVE).values(values))
        else:
            await connection.execute(insert(switches).values(name=ACTIVE, **values))

    async def client(self, cliente_id: int) -> ClientSwitch:
        """A client's switch. Raises DatabaseDown."""
        query = select(bot_config.c.bot_activo, unix(bot_config.c.updated_at, self._database.is_sqlite)).where(
            bot_config.c.cliente_id == cliente_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return ClientSwitch(cliente_id, (await self.standing(connection)).active, None)
        return ClientSwitch(cliente_id, bool(row[0]), row[1] and float(row[1]))

    async def set_client(self, cliente_id: int, active: bool) -> None:
        """Turn it. Raises DatabaseDown."""
        self._known = None
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
