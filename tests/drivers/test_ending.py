"""When a page is loaded again, and how often a browser may die: pure, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.limits import Limits, Restarts
from bridge.drivers.web.page_watchdog import PageEnd, PageWatch
from bridge.drivers.web.snapshot import Snapshot

S, R = SessionState, Reason
LIMITS = Limits()
LOADING = Situation(S.CONNECTING, R.PAGE_LOADING)
READY = Situation(S.CONNECTED, R.READY)
NOTHING = Snapshot(load="1", holds=1, complete=True, says="Back soon.")
LOADER = replace(NOTHING, loader=True)
BOOTED = replace(LOADER, injected=True, ready=True)
PERIOD = LIMITS.report


def first_ending(snapshot: Snapshot, situation: Situation, until: float = 100_000) -> tuple[float, PageEnd | None]:
    """See the same report again and again; returns when that led to an ending."""
    watch, now = PageWatch(LIMITS), 0.0
    watch.opened(now)
    while now < until:
        now += PERIOD
        if ending := watch.see(snapshot, situation, now):
            return now, ending
    return now, None


@pytest.mark.parametrize(
    ("snapshot", "situation", "limit", "reason", "detail"),
    [
        (NOTHING, LOADING, LIMITS.no_site, R.SITE_BROKEN, "Back soon."),
        (LOADER, LOADING, LIMITS.boot, R.MODULE_MISSING, "no modules appeared within 90 s"),
        (replace(LOADER, injected=True), LOADING, LIMITS.boot, R.MODULE_MISSING, "wa-js did not find"),
        (BOOTED, LOADING, LIMITS.stuck, R.PAGE_STUCK, "page_loading for 600 s"),
        (BOOTED, Situation(S.AUTHENTICATED, R.SYNCING), LIMITS.stuck, R.PAGE_STUCK, "syncing for"),
        (BOOTED, Situation(S.RECONNECTING, R.LINK_DOWN), LIMITS.link_down, R.PAGE_STUCK, "link_down for 180 s"),
        (BOOTED, Situation(S.PAGE_CHANGED, R.CLIENT_EXPIRED), LIMITS.refused, R.PAGE_STUCK, "client_expired"),
        (BOOTED, Situation(S.ERROR, R.ACCOUNT_BLOCKED), LIMITS.refused, R.PAGE_STUCK, "account_blocked"),
    ],
)
def test_a_page_is_given_its_time(
    snapshot: Snapshot, situation: Situation, limit: float, reason: Reason, detail: str
) -> None:
    at, ending = first_ending(snapshot, situation)
    assert limit < at <= limit + 2 * PERIOD
    assert ending is not None
    assert ending.situation.reason is reason
    assert detail in (ending.situation.detail or "")
    assert not ending.browser_gone


@pytest.mark.parametrize(
    "situation",
    [
        READY,
        Situation(S.PAIRING, R.SCAN_QR),
        Situation(S.PAIRING, R.QR_EXPIRED),
        Situation(S.CONFLICT, R.OPENED_ELSEWHERE),  # loading it again would take over
    ],
)
def test_some_pages_are_left_alone_for_ever(situation: Situation) -> None:
    assert first_ending(BOOTED, situation)[1] is None


def test_a_link_that_comes_and_goes_is_no_link_that_is_down() -> None:
    watch = PageWatch(LIMITS)
    watch.opened(0)
    down = Situation(S.RECONNECTING, R.LINK_DOWN)
    for now in range(2, 2000, 2):
        assert watch.see(BOOTED, READY if now % 100 == 0 else down, now) is None


def test_a_newer_version_is_loaded_once_in_six_hours() -> None:
    watch, outdated = PageWatch(LIMITS), replace(BOOTED, needs_update=True)
    watch.opened(0)
    endings = []
    for now in range(2, int(LIMITS.update) + 100, 2):
        if ending := watch.see(outdated, READY, now):
            endings.append((now, ending))
            watch.opened(now)
    assert [ending for _, ending in endings] == [
        PageEnd(Situation(S.RECONNECTING, R.PAGE_OUTDATED), at_once=True) for _ in range(2)
    ]
    assert endings[1][0] - endings[0][0] > LIMITS.update


def test_a_page_that_loads_itself_again_has_its_time_anew() -> None:
    watch = PageWatch(LIMITS)
    watch.opened(0)
    assert watch.see(BOOTED, READY, 2) is None
    assert watch.see(replace(NOTHING, load="2"), LOADING, 1000) is None
    assert watch.see(replace(NOTHING, load="2"), LOADING, 1000 + LIMITS.no_site + 1) is not None


def test_the_restart_budget() -> None:
    restarts = Restarts(LIMITS)
    assert [restarts.used_up(at) for at in (0, 10, 20, 30, 40)] == [False] * 5
    assert restarts.used_up(50)
    assert not restarts.used_up(700)  # after the rest it is whole again
    spread = Restarts(LIMITS)
    assert not any(spread.used_up(number * 130) for number in range(100))
