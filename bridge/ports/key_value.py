"""The port to the key-value store of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class KeyValueStore(Protocol):
    """Facts about a session that survive a restart."""

    async def get(self, name: str) -> str | None:
        """The stored value, or None."""
        ...

    async def set(self, name: str, value: str) -> None: ...

    async def change(self, name: str, change: Callable[[str | None], str]) -> str:
        """Replace the stored value by what `change` makes of it, atomically, and return it.

        `change` must be pure: it runs in another thread, perhaps twice.
        """
        ...

    async def entries(self, name: str) -> dict[str, str]:
        """The entries of a name, by key: facts about many things, stored one by one."""
        ...

    async def set_entries(self, name: str, changes: Mapping[str, str | None]) -> None:
        """Store these entries, and delete those that are None; the others stay."""
        ...

    async def clear_entries(self, name: str) -> None:
        """Delete all entries of a name."""
        ...

    async def number(self, name: str) -> int:
        """A counter's value; 0 for a new one."""
        ...

    async def next_number(self, name: str) -> int:
        """Increment a counter, from 1, and return it."""
        ...
