"""When a page is loaded again, and how often a browser may crash. Pure; the test is the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.limits import Limits, RestartBudget
from bridge.drivers.web.page_watchdog import PageEnd, PageWatch
from bridge.drivers.web.snapshot import Snapshot

S, R = SessionState, Reason
LIMITS = Limits()
LOADING = Situation(S.CONNECTING, R.PAGE_LOADING)
READY = Situation(S.CONNECTED, R.READY)
NOTHING = Snapshot(load="1", holds=1, complete=True, visible_text="Back soon.")
LOADER = replace(NOTHING, loader=True)
BOOTED = replace(LOADER, injected=True, ready=True)
WITH_CODE = replace(BOOTED, code="2@a,b,c,d,1")
PERIOD = LIMITS.report


def first_end(snapshot: Snapshot, situation: Situation, until: float = 100_000) -> tuple[float, PageEnd | None]:
    """Repeat the same report; returns the time and the result of the first end."""
    watch, now = PageWatch(LIMITS), 0.0
    watch.opened(now)
    while now < until:
        now += PERIOD
        if end := watch.check(snapshot, situation, now):
            return now, end
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
        (BOOTED, Situation(S.RECONNECTING, R.SERVICE_UNAVAILABLE), LIMITS.link_down, R.PAGE_STUCK, "unavailable for"),
        (BOOTED, Situation(S.ERROR, R.ACCOUNT_BLOCKED), LIMITS.refused, R.PAGE_STUCK, "account_blocked"),
        (BOOTED, Situation(S.PAGE_CHANGED, R.CLIENT_EXPIRED), LIMITS.stuck, R.PAGE_STUCK, "client_expired for"),
        (WITH_CODE, Situation(S.PAGE_CHANGED, R.MODULE_MISSING), LIMITS.refused, R.PAGE_STUCK, "module_missing for"),
        (BOOTED, Situation(S.LOGGED_OUT, R.LOGGED_OUT_BY_PHONE), LIMITS.stuck, R.PAGE_STUCK, "logged_out_by_phone for"),
        (BOOTED, Situation(S.LOGGED_OUT, R.ACCOUNT_LOCKED), LIMITS.stuck, R.PAGE_STUCK, "account_locked for"),
        (BOOTED, Situation(S.PAIRING, R.SCAN_QR), LIMITS.stuck, R.PAGE_STUCK, "scan_qr for 600 s"),
        (BOOTED, Situation(S.PAIRING, R.QR_EXPIRED), LIMITS.stuck, R.PAGE_STUCK, "qr_expired for 600 s"),
    ],
)
def test_a_page_is_loaded_again_after_its_limit(
    snapshot: Snapshot, situation: Situation, limit: float, reason: Reason, detail: str
) -> None:
    at, end = first_end(snapshot, situation)
    assert limit < at <= limit + 2 * PERIOD
    assert end is not None
    assert end.situation.reason is reason
    assert detail in (end.situation.detail or "")
    assert not end.browser_gone


@pytest.mark.parametrize(
    ("snapshot", "situation"),
    [
        (BOOTED, READY),
        (WITH_CODE, Situation(S.PAIRING, R.SCAN_QR)),
        (replace(BOOTED, link_code="ABCD1234"), Situation(S.PAIRING, R.TYPE_LINK_CODE)),
        (BOOTED, Situation(S.PAIRING, R.PASSKEY_REQUIRED)),
        (BOOTED, Situation(S.CONFLICT, R.OPENED_ELSEWHERE)),  # a reload would take over the connection
    ],
)
def test_some_pages_are_never_loaded_again(snapshot: Snapshot, situation: Situation) -> None:
    assert first_end(snapshot, situation)[1] is None


def test_an_unstable_link_does_not_count_as_down() -> None:
    watch = PageWatch(LIMITS)
    watch.opened(0)
    down = Situation(S.RECONNECTING, R.LINK_DOWN)
    for now in range(2, 2000, 2):
        assert watch.check(BOOTED, READY if now % 100 == 0 else down, now) is None


def test_a_newer_version_is_loaded_once_in_six_hours() -> None:
    watch, outdated = PageWatch(LIMITS), replace(BOOTED, needs_update=True)
    watch.opened(0)
    ends = []
    for now in range(2, int(LIMITS.update) + 100, 2):
        if end := watch.check(outdated, READY, now):
            ends.append((now, end))
            watch.opened(now)
    assert [end for _, end in ends] == [
        PageEnd(Situation(S.RECONNECTING, R.PAGE_OUTDATED), immediate=True) for _ in range(2)
    ]
    assert ends[1][0] - ends[0][0] > LIMITS.update


def test_no_load_brings_a_newer_version_of_a_pinned_page() -> None:
    watch = PageWatch(LIMITS, pinned=True)
    watch.opened(0)
    assert watch.check(replace(BOOTED, needs_update=True), READY, 2) is None


def test_a_newer_version_waits_for_messages_on_the_clock() -> None:
    watch, outdated = PageWatch(LIMITS), replace(BOOTED, needs_update=True, on_clock=1)
    watch.opened(0)
    assert watch.check(outdated, READY, 2) is None
    assert watch.check(replace(outdated, on_clock=0), READY, 4) is not None
    watch = PageWatch(LIMITS)
    watch.opened(0)
    assert watch.check(outdated, READY, 2) is None
    assert watch.check(outdated, READY, 3 + LIMITS.drain) is not None


def test_a_newer_version_takes_no_connection_from_another_page() -> None:
    outdated = replace(BOOTED, needs_update=True)
    assert first_end(outdated, Situation(S.CONFLICT, R.OPENED_ELSEWHERE), until=1000)[1] is None


@pytest.mark.parametrize("seconds", [3.0, 50.0])
def test_a_page_that_reloads_itself_again_and_again_has_expired(seconds: float) -> None:
    """A slow page needs most of a minute for each."""
    watch = PageWatch(LIMITS)
    watch.opened(0)
    ends = [watch.check(replace(BOOTED, load=str(number)), LOADING, number * seconds) for number in range(5)]
    assert ends[:4] == [None] * 4
    assert ends[4] == PageEnd(Situation(S.PAGE_CHANGED, R.CLIENT_EXPIRED))


def test_a_page_that_reloads_itself_now_and_then_has_not_expired() -> None:
    watch = PageWatch(LIMITS)
    watch.opened(0)
    for number in range(20):
        assert watch.check(replace(BOOTED, load=str(number)), LOADING, number * (LIMITS.reload_window + 1)) is None


def test_a_page_that_reloads_itself_gets_the_full_time_again() -> None:
    watch = PageWatch(LIMITS)
    watch.opened(0)
    assert watch.check(BOOTED, READY, 2) is None
    assert watch.check(replace(NOTHING, load="2"), LOADING, 1000) is None
    assert watch.check(replace(NOTHING, load="2"), LOADING, 1000 + LIMITS.no_site + 1) is not None


def test_the_restart_budget() -> None:
    budget = RestartBudget(LIMITS)
    assert [budget.exceeded(at) for at in (0, 10, 20, 30, 40)] == [False] * 5
    assert budget.exceeded(50)
    assert not budget.exceeded(700)  # exceeding it resets it
    spread = RestartBudget(LIMITS)
    assert not any(spread.exceeded(number * 130) for number in range(100))
