"""The port of the stored list of sessions: what was added, removed and set while a bridge ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A change of the sessions that the settings name: one that was added, or (`cliente_id` None) removed."""

    name: str
    cliente_id: int | None


@dataclass(frozen=True, slots=True)
class StoredOptions:
    """What was set for one session: `proxy` an address or `off`, `sleep_after` a duration or `off`; None = nothing."""

    proxy: str | None = field(default=None, repr=False)
    sleep_after: str | None = None


class SessionRegistry(Protocol):
    """The changes, in the order in which they were made. Everything that returns is committed."""

    async def sessions(self) -> list[StoredSession]:
        """Every change, the oldest first; one for each name."""
        ...

    async def store(self, session: StoredSession) -> None:
        """Store a change, in place of an earlier one of the same name."""
        ...

    async def options(self) -> Mapping[str, StoredOptions]:
        """What was set, by the session's name."""
        ...

    async def store_options(self, session: str, options: StoredOptions) -> None:
        """Store what is set, in place of what was."""
        ...
