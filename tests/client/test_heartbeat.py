"""Whether a bridge is alive, by the arrival of its statuses, whatever the clocks say. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.client.heartbeat import Heartbeat, heartbeat_after
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import SessionStatus

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)


def status(at: datetime, state: SessionState = SessionState.CONNECTED) -> SessionStatus:
    return SessionStatus(session="haby", state=state, reason=Reason.READY, text="", since=at, at=at, owner="host:1")


def first(age: float, *, retained: bool, state: SessionState = SessionState.CONNECTED) -> Heartbeat:
    """What is known after a status of this age, at 1000 s of the monotonic clock."""
    return heartbeat_after(None, status(NOW - timedelta(seconds=age), state), retained=retained, moment=1000.0, now=NOW)


@pytest.mark.parametrize("age", [-1200, -120, 0, 120, 1200])
def test_a_live_status_is_alive_for_three_intervals_whatever_its_time(age: float) -> None:
    known = first(age, retained=False)
    assert known.seen_at(1045.0).state is SessionState.CONNECTED
    assert known.seen_at(1045.1).reason is Reason.BRIDGE_GONE
    assert known.difference == age


@pytest.mark.parametrize(
    ("age", "alive_until"), [(0, 1045), (30, 1015), (45, 1000), (46, None), (1200, None), (-1, 1045), (-120, None)]
)
def test_a_retained_status_is_judged_by_its_time(age: float, alive_until: float | None) -> None:
    known = first(age, retained=True)
    assert known.is_proven(alive_until or 1000.0) is (alive_until is not None)
    assert not known.is_proven((alive_until or 1000.0) + 0.1)


def test_a_bridge_that_stopped_needs_no_proof() -> None:
    assert first(10_000, retained=True, state=SessionState.STOPPED).seen_at(1000.0).state is SessionState.STOPPED


def test_a_known_difference_corrects_the_time_of_a_retained_status() -> None:
    known = first(1200, retained=False)
    later = NOW + timedelta(seconds=20)
    again = heartbeat_after(known, status(NOW - timedelta(seconds=1190)), retained=True, moment=1020.0, now=later)
    assert again.is_proven(1020.0)
    old = heartbeat_after(known, status(NOW - timedelta(seconds=1300)), retained=True, moment=1020.0, now=later)
    assert not old.is_proven(1020.0)


def test_a_retained_copy_of_a_live_status_changes_nothing() -> None:
    known = first(1200, retained=False)
    copy = status(NOW - timedelta(seconds=1200))
    assert heartbeat_after(known, copy, retained=True, moment=1030.0, now=NOW) is known
