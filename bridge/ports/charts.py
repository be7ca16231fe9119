"""The port to the stored minutes of the charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class ChartRow(NamedTuple):
    """Counts of one minute (`minute` = unix seconds / 60); `counts` is JSON that `bridge.metrics.charts` defines."""

    session: str
    minute: int
    counts: str


class ChartRepository(Protocol):
    """Minutes of every session. Raises `StoreUnusable`."""

    async def minutes(self, after: int) -> list[ChartRow]:
        """The minutes above `after`."""
        ...

    async def keep_minutes(self, rows: Sequence[ChartRow], after: int) -> None:
        """Store minutes, new or changed, and delete those up to `after`."""
        ...
