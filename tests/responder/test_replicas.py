"""Replicas on one database: they share the work, and take it over from one that dies or hangs."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from typing import Any

import pytest

from bridge.sql.database import SqlDatabase
from responder.leases import all_leases, fair_share, is_gone, owner_name
from responder.store.leases import Holdings, LeaseTable
from responder.store.rows import PARTS, part_of
from tests.client.conftest import ScriptedBridge
from tests.mosquitto_server import MosquittoServer
from tests.responder.test_crashes import process, rows, until_sent

NAMES = all_leases(["haby"])


def test_shares_are_fair() -> None:
    everything = frozenset(NAMES)
    assert fair_share(Holdings(frozenset(), everything, 1), NAMES) == (everything, frozenset())
    take, give = fair_share(Holdings(everything, frozenset(), 2), NAMES)
    assert (take, len(give)) == (frozenset(), len(NAMES) - 9)
    mine, free = frozenset(NAMES[:4]), frozenset(NAMES[4:])
    take, give = fair_share(Holdings(mine, free, 3), NAMES)
    assert (len(take), give) == (2, frozenset())


def test_parts_are_spread_and_never_change() -> None:
    assert [part_of("haby", f"549115550000{n}@c.us") for n in range(4)] == [6, 3, 13, 8]
    spread = Counter(part_of("haby", f"54911555{n:05d}@c.us") for n in range(1600))
    assert set(spread) == set(range(PARTS))
    assert max(spread.values()) < 200


def test_an_owner_whose_process_has_ended_is_gone() -> None:
    mine = owner_name()
    assert not is_gone(mine)
    host, space, _, _ = mine.split("|")
    assert is_gone(f"{host}|{space}|{2**22 + 1}|1.00")
    assert is_gone(f"{mine.rpartition('|')[0]}|1.00")  # an earlier process with the same pid
    assert not is_gone(f"elsewhere|{space}|1|1.00")
    assert not is_gone("nonsense")


async def test_a_lease_gets_a_new_fence_with_a_new_owner(database: SqlDatabase) -> None:
    table = LeaseTable(database, lambda _: False)
    await table.prepare(NAMES)
    await table.prepare(NAMES)
    first = await table.beat("one", 1.0, NAMES, lambda held: fair_share(held, NAMES))
    assert len(first.held) == len(NAMES)
    assert (await table.beat("two", 1.0, NAMES, lambda held: fair_share(held, NAMES))).held == {}
    deadline = time.monotonic() + 5
    taken: dict[str, Any] = {}
    while len(taken) < len(NAMES) and time.monotonic() < deadline:
        taken = (await table.beat("two", 5, NAMES, lambda held: fair_share(held, NAMES))).held
        await asyncio.sleep(0.05)
    assert {name: lease.fence for name, lease in taken.items()} == dict.fromkeys(NAMES, 2)
    assert (await table.beat("one", 5, NAMES, lambda held: (frozenset(), frozenset()))).held == {}
    await table.release(list(first.held.values()))  # no effect: the owner has lost them
    beat = await table.beat("two", 5, NAMES, lambda held: fair_share(held, NAMES))
    assert (len(beat.held), len(beat.give), beat.alive) == (len(NAMES), 8, 2)  # "one" is alive again


@pytest.mark.parametrize(
    ("database_settings", "how"),
    # no SIGSTOP on SQLite: a process that hangs while it writes blocks every other writer
    [("sqlite", signal.SIGKILL), ("mariadb", signal.SIGKILL), ("mariadb", signal.SIGSTOP)],
    indirect=["database_settings"],
)
async def test_one_of_two_dies_or_hangs(
    scripted_bridge: ScriptedBridge, broker: MosquittoServer, database_settings: dict[str, Any], how: signal.Signals
) -> None:
    people = [f"54911555{number:05d}@c.us" for number in range(40)]
    async with process(broker, database_settings) as (first, _):
        scripted_bridge.phone.incoming(people[0], "hola")
        await until_sent(scripted_bridge, 1)
        async with process(broker, database_settings):
            await shared(database_settings)
            for person in people[1:20]:
                scripted_bridge.phone.incoming(person, "hola")
            await until_sent(scripted_bridge, 10)
            first.send_signal(how)
            for person in people[20:]:
                scripted_bridge.phone.incoming(person, "hola")
            await until_sent(scripted_bridge, 40)
            if how is signal.SIGSTOP:
                first.send_signal(signal.SIGCONT)
                await shared(database_settings)
            for person in people:
                scripted_bridge.phone.incoming(person, "gracias")
            await until_sent(scripted_bridge, 80)
    sent = Counter((str(one.key.remote), one.text[:2]) for one in scripted_bridge.phone.sent)
    assert set(sent.values()) == {1}
    assert len(sent) == 80
    assert {one.times for one in scripted_bridge.phone.sent} == {1}


async def shared(database_settings: dict[str, Any]) -> None:
    """Wait until two replicas hold about half each."""
    query = "SELECT COUNT(*) FROM wa_lease WHERE owner IS NOT NULL GROUP BY owner ORDER BY 1"
    async with asyncio.timeout(40):
        while await rows(database_settings, query) != [(8,), (9,)]:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.1)
