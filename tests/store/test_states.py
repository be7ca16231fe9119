"""The history of states: a row for each change, ends that a kill has lost, pages, and what retention deletes."""

from __future__ import annotations

from bridge.contract.session import Reason, SessionState, Situation
from bridge.store import SessionStore
from bridge.store.states import KEPT, MOST
from tests.store.conftest import Opener, SetClock
from tests.store.samples import DAY

CONNECTED = Situation(SessionState.CONNECTED, Reason.READY)
LINK_DOWN = Situation(SessionState.RECONNECTING, Reason.LINK_DOWN)
PAGE_LOST = Situation(SessionState.RECONNECTING, Reason.PAGE_LOST)
GONE = Situation(SessionState.OFFLINE, Reason.BRIDGE_GONE)
STOPPED = Situation(SessionState.OFFLINE, Reason.SHUT_DOWN)
ENDS = [Reason.SHUT_DOWN]

Row = tuple[Reason, float, float | None]


async def rows(store: SessionStore, limit: int = 100) -> list[Row]:
    return [(one.reason, one.since, one.until) for one in await store.states.newest(limit)]


async def test_a_change_of_state_or_reason_is_a_row_and_a_repetition_is_none(opener: Opener) -> None:
    async with opener() as store:
        store.states.enter(CONNECTED, 10.0)
        store.states.enter(CONNECTED, 20.0)
        store.states.enter(LINK_DOWN, 30.0)
        store.states.enter(Situation(SessionState.RECONNECTING, Reason.LINK_DOWN, "a detail"), 35.0)
        store.states.enter(PAGE_LOST, 40.0)
    async with opener() as store:
        store.states.enter(PAGE_LOST, 50.0)
        assert await rows(store) == [
            (Reason.PAGE_LOST, 40.0, None),
            (Reason.LINK_DOWN, 30.0, 40.0),
            (Reason.READY, 10.0, 30.0),
        ]


async def test_the_end_that_a_kill_has_lost_is_where_the_state_was_last_seen(store: SessionStore) -> None:
    store.states.end_interrupted(GONE, 5.0, ENDS)
    assert await rows(store) == []  # nothing began yet
    store.states.enter(CONNECTED, 10.0)
    store.states.seen(25.0)
    store.states.end_interrupted(GONE, 25.0, ENDS)  # of this process: it was seen since then
    assert len(await rows(store)) == 1
    store.states.end_interrupted(GONE, 100.0, ENDS)
    store.states.enter(CONNECTED, 100.0)
    assert await rows(store) == [
        (Reason.READY, 100.0, None),
        (Reason.BRIDGE_GONE, 25.0, 100.0),
        (Reason.READY, 10.0, 25.0),
    ]


async def test_a_clean_end_stays_as_it_is(store: SessionStore) -> None:
    store.states.enter(STOPPED, 10.0)
    store.states.end_interrupted(GONE, 100.0, ENDS)
    assert await rows(store) == [(Reason.SHUT_DOWN, 10.0, None)]


async def test_a_clock_that_is_set_back_never_ends_a_state_before_it_began(store: SessionStore) -> None:
    store.states.enter(CONNECTED, 5000.0)
    store.states.seen(1300.0)
    store.states.enter(LINK_DOWN, 1400.0)
    store.states.end_interrupted(GONE, 9000.0, ENDS)
    assert await rows(store) == [
        (Reason.BRIDGE_GONE, 5000.0, None),
        (Reason.LINK_DOWN, 5000.0, 5000.0),
        (Reason.READY, 5000.0, 5000.0),
    ]


async def test_pages_continue_one_another(store: SessionStore) -> None:
    for at in range(7):
        store.states.enter(LINK_DOWN if at % 2 else PAGE_LOST, float(at))
    found: list[float] = []
    before, page = None, await store.states.newest(3)
    while page:
        assert all(one.until == (None if one.since == 6 else one.since + 1) for one in page)
        found += [one.since for one in page]
        before = page[-1].number
        page = await store.states.newest(3, before)
    assert found == [6, 5, 4, 3, 2, 1, 0]


async def test_states_go_by_age_from_their_end_and_by_number(store: SessionStore, clock: SetClock) -> None:
    begin = clock.seconds
    store.states.enter(LINK_DOWN, begin)
    store.states.enter(CONNECTED, begin + DAY)  # lasts longer than anything is kept
    clock.seconds = begin + KEPT + 2 * DAY
    await store.compact(max_age=1e12, max_bytes=10**12)
    assert await rows(store) == [(Reason.READY, begin + DAY, None)]
    now = clock.seconds
    for number in range(MOST):
        store.states.enter(PAGE_LOST if number % 2 else LINK_DOWN, now + number)
    await store.compact(max_age=1e12, max_bytes=10**12)
    kept = await rows(store, 2 * MOST)
    assert (len(kept), kept[-1][1]) == (MOST, now)
