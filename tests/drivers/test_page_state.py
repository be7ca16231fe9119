"""The meaning of a page's snapshots, and the order of the reports. Pure, so every pair of states is tested."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.jid import Jid
from bridge.contract.session import Reason, SessionState, Situation, may_follow
from bridge.drivers.web.limits import Limits, retry_delay
from bridge.drivers.web.page_state import Report, StateReporter, allowed_path
from bridge.drivers.web.snapshot import Snapshot, situation_of
from bridge.ports import Account, PairingCode

S = SessionState
LIMITS = Limits()
LOADING = Snapshot(load="1", holds=1)
INJECTED = replace(LOADING, injected=True, ready=True, unix_time=1000)
CODE = replace(
    INJECTED, socket="UNPAIRED", stream="QR", code="2@a,b,c,d,1", code_until=110, unpaired=True, full_ready=True
)
SYNCING = replace(
    INJECTED, authenticated=True, socket="CONNECTED", stream="SYNCING", pn=Jid.parse("5491155500000@c.us"), holds=1
)
MAIN = replace(SYNCING, full_ready=True, stream="MAIN", line="CONNECTED")
CUT = replace(MAIN, line="DISCONNECTED", holds=2)
OPENING = replace(CUT, socket="OPENING")
BANNED = {"kind": "temporary_ban", "code": 101, "until": 1_790_000_000}
STATES = [S.STARTING, S.CONNECTING, S.AUTHENTICATED, S.PAIRING, S.CONNECTED, S.RECONNECTING, S.UNREACHABLE]
STATES += [S.CONFLICT, S.PAGE_CHANGED, S.LOGGED_OUT, S.ERROR]


def states(reports: list[Report]) -> list[SessionState]:
    return [report.state for report in reports if isinstance(report, Situation)]


@pytest.mark.parametrize(
    ("snapshot", "state", "reason"),
    [
        (LOADING, S.CONNECTING, Reason.PAGE_LOADING),
        (INJECTED, S.CONNECTING, Reason.PAGE_LOADING),
        (CODE, S.PAIRING, Reason.SCAN_QR),  # full_ready is true here, as on the real page
        (replace(CODE, socket="UNPAIRED_IDLE"), S.PAIRING, Reason.QR_EXPIRED),  # the page keeps the dead code
        (replace(CODE, code=None, socket="PAIRING"), S.CONNECTING, Reason.PAGE_LOADING),
        (SYNCING, S.AUTHENTICATED, Reason.SYNCING),
        (replace(MAIN, full_ready=False), S.AUTHENTICATED, Reason.SYNCING),
        (replace(SYNCING, socket="OPENING"), S.CONNECTING, Reason.PAGE_LOADING),
        (MAIN, S.CONNECTED, Reason.READY),
        (CUT, S.CONNECTING, Reason.PAGE_LOADING),
        (replace(MAIN, line="SYNCING"), S.AUTHENTICATED, Reason.SYNCING),
        (replace(OPENING, refusal={"kind": "service_unavailable"}), S.RECONNECTING, Reason.SERVICE_UNAVAILABLE),
        (replace(OPENING, socket="SCREEN_LOCKED"), S.ERROR, Reason.SCREEN_LOCKED),
        (replace(CODE, link_code="ABCD1234"), S.PAIRING, Reason.TYPE_LINK_CODE),
        (replace(MAIN, missing=("MsgStore",)), S.CONNECTING, Reason.PAGE_LOADING),  # not usable, but within the limit
        (replace(CODE, missing=("MsgStore",)), S.CONNECTING, Reason.PAGE_LOADING),  # no code to scan in vain
        (replace(CODE, ready=False), S.CONNECTING, Reason.PAGE_LOADING),  # what is missing is not known yet
    ],
)
def test_the_situation_of_a_snapshot(snapshot: Snapshot, state: SessionState, reason: Reason) -> None:
    assert situation_of(snapshot, link_tried=False, pairing=False) == Situation(state, reason)


@pytest.mark.parametrize("snapshot", [CUT, OPENING, replace(OPENING, socket=None), replace(OPENING, socket="PAIRING")])
def test_a_link_that_was_up_is_down(snapshot: Snapshot) -> None:
    assert situation_of(snapshot, link_tried=True, pairing=False) == Situation(S.RECONNECTING, Reason.LINK_DOWN)


def test_a_ban_says_how_long_it_lasts() -> None:
    banned = situation_of(replace(OPENING, refusal=BANNED), link_tried=True, pairing=False)
    assert (banned.state, banned.reason) == (S.ERROR, Reason.ACCOUNT_BLOCKED)
    assert banned.detail == "code 101, until 2026-09-21T14:13:20.000Z"


def test_a_line_that_is_cut_for_longer_than_a_drop_was_taken_by_another_page() -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(MAIN, 0)
    assert states(reporter.update(CUT, 10)) == [S.RECONNECTING]
    assert reporter.update(CUT, 10 + LIMITS.replaced - 1) == []
    assert states(reporter.update(CUT, 10 + LIMITS.replaced)) == [S.CONFLICT]
    assert LIMITS.replaced + 2 * LIMITS.report < 25


def test_a_line_that_is_cut_again_and_again_is_no_conflict() -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(MAIN, 0)
    for now in range(0, 200, 10):
        reporter.update(CUT, now)
        reporter.update(OPENING, now + 5)
        assert reporter.situation == Situation(S.RECONNECTING, Reason.LINK_DOWN)


def test_a_restored_page_that_gets_no_connection_says_so() -> None:
    reporter = StateReporter(LIMITS)
    opening = replace(OPENING, stream="SYNCING")
    assert states(reporter.update(opening, 0)) == [S.CONNECTING]
    assert reporter.update(opening, LIMITS.no_link - 1) == []
    assert states(reporter.update(opening, LIMITS.no_link)) == [S.RECONNECTING]


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_every_state_is_reached_from_every_other_by_allowed_transitions(
    before: SessionState, after: SessionState
) -> None:
    path = [
        before,
        *(step.state for step in allowed_path(Situation(before, Reason.READY), Situation(after, Reason.READY))),
    ]
    assert path[-1] is after
    assert all(may_follow(one, other) for one, other in pairwise(path))
    assert len(path) <= 4


def test_pairing() -> None:
    reporter = StateReporter(LIMITS)
    reporter.change_to(Situation(S.STARTING, Reason.BROWSER_STARTING))
    assert states(reporter.update(LOADING, 0)) == [S.CONNECTING]
    pairing = Situation(S.PAIRING, Reason.SCAN_QR)
    assert reporter.update(CODE, 50) == [pairing, PairingCode("2@a,b,c,d,1", 110)]
    assert reporter.update(CODE, 52) == []
    later = replace(CODE, code="2@e,f,g,h,1", code_until=90)
    assert reporter.update(later, 70) == [PairingCode("2@e,f,g,h,1", 90)]
    to_type = replace(CODE, code=None, link_code="ABCD1234", link_until=250)
    assert reporter.update(to_type, 75) == [
        Situation(S.PAIRING, Reason.TYPE_LINK_CODE),
        PairingCode("ABCD1234", 250, "ABCD1234"),
    ]
    gone, account, authenticated = reporter.update(replace(SYNCING, paired_at=1001, unix_time=1003), 80)
    assert gone is None
    assert account == Account(SYNCING.pn, None, 1003, 1001)
    assert authenticated == Situation(S.AUTHENTICATED, Reason.SYNCING)
    assert reporter.update(MAIN, 81) == [Situation(S.CONNECTED, Reason.READY)]


@pytest.mark.parametrize(
    "later",
    [
        replace(CODE, code=None, socket="UNPAIRED_IDLE"),
        replace(CODE, code=None),
        replace(CODE, code=None, socket="PAIRING"),
    ],
)
def test_a_dead_code_is_withdrawn(later: Snapshot) -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(CODE, 0)
    assert reporter.update(later, 1)[0] is None


def test_a_page_that_reloads_right_after_the_pairing_does_not_hide_it() -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(CODE, 0)
    reports = reporter.update(replace(MAIN, load="2", unix_time=1010), 0)
    assert [r.paired_at for r in reports if isinstance(r, Account)] == [1000]


def test_a_login_that_the_page_reads_late_is_not_a_pairing() -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(INJECTED, 0)
    reports = reporter.update(MAIN, 0)
    assert [r.paired_at for r in reports if isinstance(r, Account)] == [None]


def test_the_account_is_reported_once_per_load_and_before_connected() -> None:
    reporter = StateReporter(LIMITS)
    first = reporter.update(MAIN, 0)
    assert isinstance(first[0], Account)
    assert states(first) == [S.CONNECTED]
    assert reporter.update(MAIN, 1) == []
    again = reporter.update(replace(MAIN, load="2"), 2)
    assert [type(report) for report in again] == [Account]


def test_a_link_that_was_down_between_two_reports_is_reported() -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(MAIN, 0)
    assert states(reporter.update(replace(MAIN, holds=2), 1)) == [S.RECONNECTING, S.CONNECTED]
    assert reporter.holds == 2


@pytest.mark.parametrize(
    ("asked", "said", "situation"),
    [
        (True, "user_initiated", Situation(S.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)),
        (False, "user_initiated", Situation(S.LOGGED_OUT, Reason.LOGGED_OUT_BY_PHONE)),
        (False, None, Situation(S.LOGGED_OUT, Reason.LOGGED_OUT_BY_PHONE)),
        (False, "account_locked", Situation(S.LOGGED_OUT, Reason.ACCOUNT_LOCKED)),
        (False, "syncd_failure", Situation(S.LOGGED_OUT, Reason.LOGGED_OUT_BY_SITE, "syncd_failure")),
    ],
)
def test_the_end_of_a_login(asked: bool, said: str | None, situation: Situation) -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(MAIN, 0)
    reporter.logging_out = asked
    reporter.update(replace(MAIN, logout_reason=said), 0)  # comes before the logout itself
    out = replace(INJECTED, unpaired=True, socket="UNPAIRED")
    assert reporter.update(out, 1) == [situation]
    assert reporter.update(replace(LOADING, load="2"), 2) == []
    assert states(reporter.update(replace(CODE, load="2"), 3)) == [S.PAIRING]


def test_the_code_of_a_lost_page_is_withdrawn() -> None:
    reporter = StateReporter(LIMITS)
    reporter.update(CODE, 0)
    assert reporter.change_to(Situation(S.RECONNECTING, Reason.PAGE_LOST)) == [
        None,
        Situation(S.RECONNECTING, Reason.PAGE_LOST),
    ]


_SNAPSHOTS = st.builds(
    Snapshot,
    load=st.sampled_from("12"),
    holds=st.integers(1, 3),
    injected=st.booleans(),
    full_ready=st.booleans(),
    authenticated=st.booleans(),
    unpaired=st.booleans(),
    socket=st.sampled_from([None, "OPENING", "CONNECTED", "PAIRING", "UNPAIRED", "UNPAIRED_IDLE"]),
    line=st.sampled_from([None, "CONNECTED", "DISCONNECTED", "SYNCING"]),
    stream=st.sampled_from([None, "QR", "SYNCING", "MAIN", "OFFLINE"]),
    refusal=st.none() | st.sampled_from([BANNED, {"kind": "service_unavailable"}]),
    code=st.none() | st.sampled_from(["a", "b"]),
)
_OWN = st.sampled_from([Situation(state, Reason.READY) for state in STATES])


@given(st.lists(_SNAPSHOTS | _OWN, max_size=12))
def test_no_sequence_of_snapshots_leads_to_a_forbidden_transition(seen: list[Snapshot | Situation]) -> None:
    reporter = StateReporter(LIMITS)
    reported = [S.STARTING]
    reporter.change_to(Situation(S.STARTING, Reason.BROWSER_STARTING))
    code_shown = False
    for now, item in enumerate(seen):
        for report in reporter.change_to(item) if isinstance(item, Situation) else reporter.update(item, now):
            match report:
                case Situation():
                    assert may_follow(reported[-1], report.state)
                    reported.append(report.state)
                case PairingCode():
                    code_shown = True
                case None:
                    assert code_shown
                    code_shown = False
    assert not (code_shown and reported[-1] is S.CONNECTED)


def test_delays_grow_to_a_limit_with_jitter() -> None:
    limits = Limits(retry_first=1.0, retry_most=60.0)
    assert [retry_delay(attempt, limits, 1.0) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retry_delay(10**6, limits, 0.0) == 30


def test_a_connection_begins_when_it_is_reported_and_not_with_each_later_report() -> None:
    reporter = StateReporter(LIMITS)
    for snapshot, began in [
        (SYNCING, 0),
        (replace(MAIN, unix_time=1005), 1005),
        (replace(MAIN, unix_time=1007), 1005),
        (replace(MAIN, socket="OPENING", unix_time=1010), 1005),
        (replace(MAIN, unix_time=1020, holds=2), 1020),
        (replace(MAIN, unix_time=1030, holds=3), 1030),  # down and up again between two reports
    ]:
        reporter.update(snapshot, 0.0)
        assert reporter.connected_at == began
