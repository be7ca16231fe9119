"""API keys and the audit in SQLite."""

from __future__ import annotations

import json
import sqlite3

from typing_extensions import override

from bridge.ports import AccessRepository, ApiKey, AuditEntry, Scope
from bridge.store.agents import grant_as_json, grant_of_json
from bridge.store.database import SqliteDatabase

#: Lines of the audit that are kept; the oldest are deleted.
AUDIT_LINES = 100_000


class SqliteAccessRepository(AccessRepository):
    def __init__(self, database: SqliteDatabase, *, audit_lines: int = AUDIT_LINES) -> None:
        self._database = database
        self._audit_lines = audit_lines

    @override
    async def keys(self) -> list[ApiKey]:
        def read(connection: sqlite3.Connection) -> list[ApiKey]:
            found = connection.execute(
                "SELECT id, name, secret_sha256, scopes, sessions, created_at, revoked_at, agent FROM api_keys"
                " ORDER BY created_at, id"
            )
            return [_key(*row) for row in found]

        return await self._database.read(read)

    @override
    async def add_key(self, key: ApiKey) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO api_keys (id, name, secret_sha256, scopes, sessions, created_at, revoked_at, agent)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key.id, key.name, key.secret_sha256, " ".join(sorted(key.scopes))),
                    None if key.sessions is None else json.dumps(sorted(key.sessions)),
                    *(key.created_at, key.revoked_at, None if key.agent is None else grant_as_json(key.agent)),
                ),
            )

        await self._database.write(write)

    @override
    async def revoke_key(self, key_id: str, at: float) -> bool:
        def write(connection: sqlite3.Connection) -> bool:
            ended = connection.execute(
                "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (at, key_id)
            )
            return ended.rowcount == 1

        return await self._database.write(write)

    @override
    async def record(self, entry: AuditEntry) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO audit (at, actor, address, action, session, detail) VALUES (?, ?, ?, ?, ?, ?)",
                (entry.at, entry.actor, entry.address, entry.action, entry.session, entry.detail),
            )
            connection.execute(
                "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (self._audit_lines,)
            )

        await self._database.write(write)

    @override
    async def audit(self, before: int | None, limit: int, sessions: frozenset[str] | None = None) -> list[AuditEntry]:
        named = None if sessions is None else json.dumps(sorted(sessions))

        def read(connection: sqlite3.Connection) -> list[AuditEntry]:
            found = connection.execute(
                "SELECT at, actor, address, action, session, detail, number FROM audit"
                " WHERE (?1 IS NULL OR number < ?1)"
                " AND (?3 IS NULL OR session IN (SELECT value FROM json_each(?3))) ORDER BY number DESC LIMIT ?2",
                (before, limit, named),
            )
            return [AuditEntry(*row) for row in found]

        return await self._database.read(read)


def _key(
    key_id: str,
    name: str,
    secret_sha256: str,
    scopes: str,
    sessions: str | None,
    created_at: float,
    revoked_at: float | None,
    agent: str | None,
) -> ApiKey:
    return ApiKey(
        id=key_id,
        name=name,
        secret_sha256=secret_sha256,
        scopes=frozenset(Scope(scope) for scope in scopes.split()),
        sessions=None if sessions is None else frozenset(json.loads(sessions)),
        created_at=created_at,
        revoked_at=revoked_at,
        agent=None if agent is None else grant_of_json(agent),
    )
