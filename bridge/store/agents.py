"""What agents asked to send, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from typing_extensions import override

from bridge.ports.agents import AgentGrant, Proposal, ProposalRepository, ProposalState, Right
from bridge.store.database import SqliteDatabase

_COLUMNS = (
    "session, key_id, id, command, chat, text, state, at, expires_at, decided_at, decided_by, claimed, refusal, number"
)
_SELECT = f"SELECT {_COLUMNS} FROM proposals"  # noqa: S608 - constants


class SqliteProposalRepository(ProposalRepository):
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    @override
    async def propose(self, proposal: Proposal) -> Proposal:
        one = proposal

        def write(connection: sqlite3.Connection) -> Proposal:
            connection.execute(
                "INSERT INTO proposals (session, key_id, id, command, chat, text, state, at, expires_at, decided_at,"
                " decided_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(one.session, one.key_id, one.id, one.command, one.chat, one.text, one.state),
                    *(one.at, one.expires_at, one.decided_at, one.decided_by),
                ),
            )
            (stored,) = _rows(connection, "session = ? AND key_id = ? AND id = ?", one.session, one.key_id, one.id)
            return stored

        return await self._database.write(write)

    @override
    async def find(self, session: str, key_id: str, proposal_id: str) -> Proposal | None:
        found = await self._read("session = ? AND key_id = ? AND id = ?", session, key_id, proposal_id)
        return found[0] if found else None

    @override
    async def waiting(self, session: str) -> list[Proposal]:
        return await self._read("session = ? AND state = ?", session, ProposalState.PROPOSED)

    @override
    async def count_waiting(self, key_id: str) -> int:
        return len(await self._read("key_id = ? AND state = ?", key_id, ProposalState.PROPOSED))

    @override
    async def decide(self, session: str, number: int, state: ProposalState, by: str, at: float) -> Proposal | None:
        def write(connection: sqlite3.Connection) -> Proposal | None:
            changed = connection.execute(
                "UPDATE proposals SET state = ?, decided_by = ?, decided_at = ?"
                " WHERE number = ? AND session = ? AND state = ? AND expires_at > ?",
                (state, by, at, number, session, ProposalState.PROPOSED, at),
            )
            return _rows(connection, "number = ?", number)[0] if changed.rowcount else None

        return await self._database.write(write)

    @override
    async def unclaimed(self) -> list[Proposal]:
        return await self._read("state = ? AND claimed = 0", ProposalState.APPROVED)

    @override
    async def settle(self, number: int, refusal: str | None) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE proposals SET claimed = 1, refusal = ? WHERE number = ?", (refusal, number))

        await self._database.write(write)

    @override
    async def expire(self, at: float) -> int:
        def write(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "UPDATE proposals SET state = ?, decided_at = expires_at WHERE state = ? AND expires_at <= ?",
                (ProposalState.EXPIRED, ProposalState.PROPOSED, at),
            ).rowcount

        return await self._database.write(write)

    @override
    async def secret(self) -> bytes:
        def read(connection: sqlite3.Connection) -> bytes:
            (key,) = connection.execute("SELECT key FROM agent_secret").fetchone()
            return bytes(key)

        return await self._database.read(read)

    async def _read(self, condition: str, *values: Any) -> list[Proposal]:
        return await self._database.read(lambda connection: _rows(connection, condition, *values))


def _rows(connection: sqlite3.Connection, condition: str, *values: Any) -> list[Proposal]:
    found = connection.execute(f"{_SELECT} WHERE {condition} ORDER BY number", values)
    return [_proposal(*row) for row in found]


def _proposal(*row: Any) -> Proposal:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Proposal(**fields | {"state": ProposalState(fields["state"]), "claimed": bool(fields["claimed"])})


def grant_as_json(grant: AgentGrant) -> str:
    """A grant as its column has it."""
    chats = {chat: sorted(rights) for chat, rights in sorted(grant.chats.items())}
    return json.dumps({"chats": chats, "approval": grant.approval})


def grant_of_json(text: str) -> AgentGrant:
    """The grant of a column."""
    kept = json.loads(text)
    chats = {chat: frozenset(map(Right, rights)) for chat, rights in kept["chats"].items()}
    return AgentGrant(chats, kept["approval"])
