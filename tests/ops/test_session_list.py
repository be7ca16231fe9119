"""Which sessions a bridge runs, and what it refuses: pure functions."""

from __future__ import annotations

import pytest

from bridge.contract.errors import Conflict, InvalidRequest, NoSuchSession
from bridge.ops.session_list import check_added, check_removed, effective_sessions
from bridge.ports.sessions import StoredSession
from bridge.setting_types import SessionSetting

HABY, OTRA, NUEVA = SessionSetting("haby", 51), SessionSetting("otra", 52), SessionSetting("nueva", 53)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([], [HABY, OTRA]),
        ([StoredSession("nueva", 53)], [HABY, OTRA, NUEVA]),
        ([StoredSession("haby", None)], [OTRA]),
        ([StoredSession("haby", None), StoredSession("nueva", 53)], [OTRA, NUEVA]),
        ([StoredSession("otra", 99)], [HABY, OTRA]),  # the settings decide over a session that they name
        ([StoredSession("gone", None)], [HABY, OTRA]),  # no longer in the settings either
        ([StoredSession("haby", None), StoredSession("otra", None)], [HABY, OTRA]),  # a bridge has a session
    ],
)
def test_the_settings_are_changed_by_what_was_added_and_removed(
    stored: list[StoredSession], expected: list[SessionSetting]
) -> None:
    assert effective_sessions([HABY, OTRA], stored) == expected


def test_a_session_is_added_once_and_never_changes_its_customer() -> None:
    assert check_added([HABY], OTRA)
    assert not check_added([HABY], HABY)
    with pytest.raises(Conflict, match="haby=51"):
        check_added([HABY], SessionSetting("haby", 52))


def test_the_last_session_and_an_unknown_one_are_not_removed() -> None:
    check_removed([HABY, OTRA], "haby")
    with pytest.raises(NoSuchSession, match="haby, otra"):
        check_removed([HABY, OTRA], "nueva")
    with pytest.raises(InvalidRequest, match="only session"):
        check_removed([HABY], "haby")
