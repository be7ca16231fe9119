"""Findings for the published statuses of sessions, in every state. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.contract.session import Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.ops.doctor.sessions import sessions

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)


def status(state: SessionState, *, session: str = "haby", at: datetime = NOW) -> SessionStatus:
    return SessionStatus(
        session=session, state=state, reason=Reason.READY, text="As it is.", since=NOW, at=at, owner="host:1"
    )


@pytest.mark.parametrize("state", SessionState)
def test_every_state_but_connected_has_advice(state: SessionState) -> None:
    [finding] = sessions(["haby"], [status(state)], NOW)
    assert (finding.level == "ok") == (state is SessionState.CONNECTED)
    assert (finding.advice is None) == (state is SessionState.CONNECTED)


@pytest.mark.parametrize("state", [SessionState.ERROR, SessionState.CONFLICT, SessionState.PAGE_CHANGED])
def test_a_state_that_does_not_end_on_its_own_is_a_fault(state: SessionState) -> None:
    [finding] = sessions(["haby"], [status(state)], NOW)
    assert finding.level == "fault"


def test_a_broker_that_refuses_a_topic_is_a_fault_of_a_connected_session() -> None:
    refused = status(SessionState.CONNECTED).model_copy(update={"reason": Reason.BROKER_REFUSES})
    [finding] = sessions(["haby"], [refused], NOW)
    assert finding.level == "fault"
    assert "wa broker" in str(finding.advice)


@pytest.mark.parametrize(("shift", "text"), [(30, "30 s ahead of"), (-300, "300 s behind")])
def test_a_live_status_with_another_time_is_a_clock_warning(shift: int, text: str) -> None:
    _, clock = sessions(["haby"], [status(SessionState.CONNECTED, at=NOW + timedelta(seconds=shift))], NOW)
    assert (clock.check, clock.level) == ("clock", "warning")
    assert text in clock.what
    [silent] = sessions(["haby"], [status(SessionState.OFFLINE, at=NOW - timedelta(days=1))], NOW)
    assert silent.check == "session haby"


def test_sessions_known_to_only_one_side_are_reported() -> None:
    missing, foreign = sessions(["haby"], [status(SessionState.CONNECTED, session="other")], NOW)
    assert (missing.check, missing.level) == ("session haby", "warning")
    assert (foreign.check, foreign.level) == ("session other", "warning")
