"""What a session's store holds in memory, and the times of its index. Tests pass other values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Times in seconds, sizes in characters."""

    #: Newest items that are held of a stream.
    recent_items: int = 1000
    #: Notices, and characters in them, that are held until they are published.
    notices: int = 1000
    notices_size: int = 1_000_000
    #: Without a new item, after which the new ones are indexed.
    index_quiet: float = 1.0
    #: That a search spends on indexing the rest.
    search_catch_up: float = 1.0
