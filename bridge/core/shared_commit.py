"""Steps that write to the store, carried out at once so that one commit takes them all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_one_commit(*steps: Coroutine[Any, Any, T]) -> list[T]:
    """The results, in order. Raises what the first that fails raises; the others go on. One alone needs no task."""
    if len(steps) == 1:
        return [await steps[0]]
    return await asyncio.gather(*steps)
