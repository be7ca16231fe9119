"""The port to small facts that survive a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class KeyValueStore(Protocol):
    """Small facts about a session that survive a restart."""

    async def get(self, name: str) -> str | None:
        """The stored value, or None."""
        ...

    async def set(self, name: str, value: str) -> None: ...

    async def change(self, name: str, change: Callable[[str | None], str]) -> str:
        """Store what `change` makes of the stored value, and return it; no other process comes between.

        `change` must be pure: it runs in another thread, perhaps twice.
        """
        ...

    async def number(self, name: str) -> int:
        """A stored number as it is; 0 for one that was never counted."""
        ...

    async def next_number(self, name: str) -> int:
        """Count up a stored number from 1."""
        ...
