"""The port of the stored list of sessions: what was added and removed while a bridge ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A change of the sessions that the settings name: one that was added, or (`cliente_id` None) removed."""

    name: str
    cliente_id: int | None


class SessionRegistry(Protocol):
    """The changes, in the order in which they were made. Everything that returns is committed."""

    async def sessions(self) -> list[StoredSession]:
        """Every change, the oldest first; one for each name."""
        ...

    async def store(self, session: StoredSession) -> None:
        """Store a change, in place of an earlier one of the same name."""
        ...
