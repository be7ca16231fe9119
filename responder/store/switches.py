"""The switch of the whole responder, and that of each client in the legacy table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.sql.database import SqlDatabase
from responder.chat_state import SwitchState
from responder.store.schema import bot_config, switches, unix

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class ClientSwitch:
    """One client's switch. Without a row it follows the responder's, and `updated_at` is None."""

    cliente_id: int
    active: bool
    updated_at: float | None


#: Seconds for which the state is cached: how long a change by another replica or tool may go unnoticed.
CACHED = 1.0


async def _read(connection: AsyncConnection, configured: bool) -> SwitchState:
    """An administrator's order survives restarts until the operator changes the setting: the later change counts."""
    row = (await connection.execute(select(switches).where(switches.c.name == ACTIVE))).one_or_none()
    found = await connection.execute(select(bot_config.c.cliente_id, bot_config.c.bot_activo))
    return SwitchState(
        active=row.value if row is not None and row.configured == configured else configured,
        clients={one.cliente_id: bool(one.bot_activo) for one in found},
    )


class Switches:
    """Reads and sets the switches. `configured` is RESPONDER_ACTIVO."""

    def __init__(self, database: SqlDatabase, configured: bool, clock: Callable[[], float]) -> None:
        self._database = database
        self._configured = configured
        self._clock = clock
        self._cached: SwitchState | None = None
        self._cached_until = 0.0

    async def state(self, connection: AsyncConnection) -> SwitchState:
        """All switches, in a copy that the caller may change."""
        if self._cached is None or self._clock() >= self._cached_until:
            self._cached = await _read(connection, self._configured)
            self._cached_until = self._clock() + CACHED
        return SwitchState(self._cached.active, self._cached.clients)

    async def active(self) -> bool:
        """The switch of the whole responder. Raises DatabaseDown."""
        async with self._database.read() as connection:
            return (await self.state(connection)).active

    async def set_active(self, active: bool) -> None:
        """Set the responder's switch. Raises DatabaseDown."""
        async with self._database.write() as connection:
            await self.write_active(connection, active)

    async def write_active(self, connection: AsyncConnection, active: bool) -> None:
        """Set the responder's switch within a transaction."""
        self._cached = None
        values = {"value": active, "configured": self._configured}
        row = (await connection.execute(select(switches.c.name).where(switches.c.name == ACTIVE))).first()
        if row:
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
                return ClientSwitch(cliente_id, (await self.state(connection)).active, None)
        return ClientSwitch(cliente_id, bool(row[0]), row[1] and float(row[1]))

    async def set_client(self, cliente_id: int, active: bool) -> None:
        """Set a client's switch, with or without a row. Raises DatabaseDown."""
        self._cached = None
        values = {"bot_activo": int(active), "updated_at": func.current_timestamp()}
        async with self._database.write() as connection:
            where = bot_config.c.cliente_id == cliente_id
            if (await connection.execute(select(bot_config.c.id).where(where))).first():
                await connection.execute(update(bot_config).where(where).values(values))
            else:
                await connection.execute(insert(bot_config).values(cliente_id=cliente_id, **values))

    async def clients(self) -> list[ClientSwitch]:
        """The switches of all clients that have a row. Raises DatabaseDown."""
        query = select(
            bot_config.c.cliente_id, bot_config.c.bot_activo, unix(bot_config.c.updated_at, self._database.is_sqlite)
        ).order_by(bot_config.c.cliente_id)
        async with self._database.read() as connection:
            return [ClientSwitch(row[0], bool(row[1]), row[2]) for row in await connection.execute(query)]
