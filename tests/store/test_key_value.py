"""Facts and counters that survive a restart."""

from __future__ import annotations

import asyncio

from bridge.store import SessionStore
from tests.store.conftest import Opener


async def test_a_fact_is_kept_and_replaced(opener: Opener) -> None:
    async with opener() as store:
        assert await store.memory.get("desired") is None
        await store.memory.set("desired", "running")
        await store.memory.set("desired", "closed")
    async with opener() as store:
        assert await store.memory.get("desired") == "closed"


async def test_a_counter_survives_a_restart(opener: Opener) -> None:
    async with opener() as store:
        assert await asyncio.gather(*(store.memory.next_number("connection") for _ in range(3))) == [1, 2, 3]
        assert await store.memory.next_number("other") == 1
    async with opener() as store:
        assert await store.memory.next_number("connection") == 4


async def test_a_counter_is_no_fact(store: SessionStore) -> None:
    await store.memory.next_number("connection")
    assert await store.memory.get("connection") is None
