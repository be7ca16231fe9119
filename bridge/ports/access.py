"""The ports of access: API keys, the audit of admin actions, and the switch of automatic answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridge.contract.bot import BotConfig
from bridge.ports.agents import AgentGrant


class Scope(StrEnum):
    """What a caller may do; `admin` includes the others."""

    SEND = "send"
    LISTEN = "listen"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored: its public id and the SHA-256 of the secret part. `sessions` None = every session.

    With `agent` it is an agent's key, which has no scope and works on the paths of agents alone.
    """

    id: str
    name: str
    secret_sha256: str
    scopes: frozenset[Scope]
    sessions: frozenset[str] | None
    created_at: float
    revoked_at: float | None = None
    agent: AgentGrant | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action of an admin. `number` is 0 until it is stored."""

    at: float
    actor: str
    address: str
    action: str
    session: str | None = None
    detail: str | None = None
    number: int = 0


class AccessRepository(Protocol):
    """Keys and audit of the whole bridge. Everything that returns is committed."""

    async def keys(self) -> list[ApiKey]:
        """Every key, revoked ones included, oldest first."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Store a new key."""
        ...

    async def revoke_key(self, key_id: str, at: float) -> bool:
        """Revoke a key; returns whether it existed and was valid."""
        ...

    async def record(self, entry: AuditEntry) -> None: ...

    async def audit(self, before: int | None, limit: int, sessions: frozenset[str] | None = None) -> list[AuditEntry]:
        """Actions with a number below `before`, newest first; with `sessions`, only those on one of them."""
        ...


class BotSwitches(Protocol):
    """The responder's switches, from its retained configurations."""

    def config(self, cliente_id: int) -> BotConfig | None:
        """The configuration of a client; None = no responder has published one."""
        ...

    async def switch(self, cliente_id: int, bot_activo: int) -> BotConfig:
        """Request a switch and wait for its confirmation. Raises `NotConnected` without one in time."""
        ...
