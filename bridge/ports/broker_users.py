"""Users of a broker that the bridge owns: who may connect to it, and with which roles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ClientRole(StrEnum):
    """The roles of programs that people connect; those of the bridge and its services are not among them."""

    READER = "reader"
    SENDER = "sender"
    REQUESTER = "requester"
    PANEL = "panel"
    HOME_ASSISTANT = "homeassistant"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """`session` None: every session."""

    name: str
    roles: frozenset[str]
    session: str | None = None


class BrokerUsers(Protocol):
    """The users of the private broker, besides its own, which is the bridge's."""

    def users(self) -> list[BrokerUser]:
        """By name. Raises `CodedError`, OSError."""
        ...

    async def add(self, name: str, roles: Collection[ClientRole], session: str | None) -> str:
        """Add a user that the running broker accepts at once; returns its password, which is stored as a hash.

        Raises `InvalidRequest`, `Conflict` for a user that exists, `CodedError` where the broker does not take it over,
        OSError.
        """
        ...

    async def remove(self, name: str) -> bool:
        """Remove a user and close its connections; returns whether there was one. Raises `CodedError`, OSError."""
        ...
