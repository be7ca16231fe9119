"""What is done to two bridges that share a session. Each returns the seconds until the right one runs it again."""

from __future__ import annotations

import asyncio
import time

from tests.takeover.rig import Pair

#: Seconds in which nothing may change, as a share of a lease's duration.
LONGER = 1.5
DURATION = 21.0


async def _taken_over(pair: Pair, owner: str) -> float:
    return await pair.owned_by(pair.other(owner))


def _owner(pair: Pair) -> str:
    owner = pair.owner()
    assert owner is not None
    return owner


async def _quiet(pair: Pair) -> None:
    await asyncio.sleep(DURATION * LONGER * pair.share)


async def owner_killed(pair: Pair) -> float:
    """SIGKILL of the process alone: its browser is left over."""
    owner = _owner(pair)
    pair.bridges[owner].kill()
    seconds = await _taken_over(pair, owner)
    pair.bridges[owner].start()
    await _quiet(pair)
    return seconds


async def machine_of_the_owner_dies(pair: Pair) -> float:
    owner = _owner(pair)
    pair.kill_group(pair.bridges[owner])
    seconds = await _taken_over(pair, owner)
    pair.bridges[owner].start()
    return seconds


async def owner_cut_off(pair: Pair) -> float:
    owner = _owner(pair)
    pair.bridges[owner].cut()
    seconds = await _taken_over(pair, owner)
    pair.bridges[owner].heal()
    await _quiet(pair)
    assert pair.owner() == pair.other(owner)
    return seconds


async def standby_cut_off(pair: Pair) -> None:
    owner = _owner(pair)
    standby = pair.bridges[pair.other(owner)]
    standby.cut()
    await _quiet(pair)
    standby.heal()
    await _quiet(pair)
    assert pair.owner() == owner


async def both_cut_off(pair: Pair) -> float:
    for bridge in pair.bridges.values():
        bridge.cut()
    await _quiet(pair)
    began = time.monotonic()
    for bridge in pair.bridges.values():
        bridge.heal()
    await asyncio.sleep(1)
    await pair.owned_by(*pair.bridges)
    return time.monotonic() - began


async def owner_frozen(pair: Pair) -> float:
    """SIGSTOP of the bridge's process past its lease, with its browser running; then it wakes."""
    owner = _owner(pair)
    pair.bridges[owner].freeze()
    seconds = await _taken_over(pair, owner)
    await asyncio.sleep(2)
    pair.bridges[owner].wake()
    await _quiet(pair)
    assert pair.owner() == pair.other(owner)
    return seconds


async def owner_wholly_frozen(pair: Pair) -> float:
    """As a paused machine: browser, Node and watchdog stop, too, and all wake at once."""
    owner = _owner(pair)
    pair.bridges[owner].freeze(whole=True)
    seconds = await _taken_over(pair, owner)
    await asyncio.sleep(2)
    pair.bridges[owner].wake()
    await _quiet(pair)
    return seconds


async def handed_over(pair: Pair) -> float:
    owner = _owner(pair)
    began = time.monotonic()
    await pair.hand_over(pair.other(owner))
    await _taken_over(pair, owner)
    return time.monotonic() - began


FAULTS = (
    owner_killed,
    machine_of_the_owner_dies,
    owner_cut_off,
    standby_cut_off,
    both_cut_off,
    owner_frozen,
    owner_wholly_frozen,
    handed_over,
)
