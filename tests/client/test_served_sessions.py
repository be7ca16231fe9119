"""Which sessions a service works for, from what it is set to and what bridges say of themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from bridge.client import Client
from bridge.client.served_sessions import ServedSessions, served_sessions
from bridge.contract.session import SessionState
from bridge.contract.status import BridgeStatus

STARTED = "2026-11-29T00:00:00.000Z"


def bridge(configured: str | None, sessions: str) -> BridgeStatus:
    """A bridge with these names in WA_SESSIONS that runs those."""
    return BridgeStatus.model_validate(
        {
            "instance": "x",
            "state": "online",
            "version": "0",
            "started_at": STARTED,
            "at": STARTED,
            "configured": None if configured is None else configured.split(),
            "sessions": dict.fromkeys(sessions.split(), SessionState.CONNECTED),
        }
    )


def test_a_session_that_was_added_to_its_bridge_is_served() -> None:
    assert served_sessions(["haby"], [bridge("haby", "haby otra")]) == ("haby", "otra")


def test_one_that_was_removed_is_not() -> None:
    assert served_sessions(["haby"], [bridge("haby", "otra")]) == ("otra",)


def test_before_a_bridge_speaks_the_setting_counts() -> None:
    assert served_sessions(["haby", "otra"], []) == ("haby", "otra")
    assert served_sessions(["haby", "otra"], [bridge(None, "haby third")]) == ("haby", "otra")


def test_two_services_that_share_a_bridge_s_sessions_keep_their_parts() -> None:
    """Each names some: both would answer one that both took over."""
    one = bridge("haby otra", "haby otra third")
    assert served_sessions(["haby"], [one]) == ("haby",)
    assert served_sessions(["otra"], [one]) == ("otra",)


def test_a_bridge_of_others_is_left_alone() -> None:
    """Two `wa up` on one broker: each with a responder of its own."""
    north, south = bridge("haby", "haby north2"), bridge("otra", "otra south2")
    assert served_sessions(["haby"], [north, south]) == ("haby", "north2")
    assert served_sessions(["otra"], [north, south]) == ("otra", "south2")
    assert served_sessions(["haby", "otra"], [north, south]) == ("haby", "otra", "north2", "south2")


def test_a_session_that_moves_is_served_once() -> None:
    """By hand: removed from one bridge, added to another."""
    north, south = bridge("haby moved", "haby"), bridge("otra", "otra moved")
    assert served_sessions(["haby", "moved"], [north, south]) == ("haby",)
    assert served_sessions(["otra"], [north, south]) == ("otra", "moved")


class Statuses:
    """A client that gets these statuses."""

    def __init__(self, *statuses: BridgeStatus) -> None:
        self._statuses = statuses

    async def watch_bridges(self) -> AsyncIterator[tuple[str, BridgeStatus | None]]:
        for status in self._statuses:
            yield "wa/bridge/x/status", status
        yield "wa/bridge/x/status", None


async def test_the_will_of_a_bridge_does_not_take_back_what_was_added_since() -> None:
    grown, will = bridge("haby", "haby otra"), bridge("haby", "haby").model_copy(update={"state": "offline"})
    for statuses, expected in (
        ((grown, will), [("haby",), ("haby", "otra"), ("haby",)]),  # the last one: it was cleared
        ((will, grown), [("haby",), ("haby", "otra"), ("haby",)]),
    ):
        served = ServedSessions(["haby"])
        assert [names async for names in served.follow(cast(Client, Statuses(*statuses)))] == expected


def test_the_default_is_the_first_that_is_named_whichever_bridge_speaks_first() -> None:
    north, south = bridge("haby", "haby new"), bridge("otra", "otra")
    assert served_sessions(["haby", "otra"], [south, north]) == ("haby", "otra", "new")


def test_a_service_has_always_a_default() -> None:
    assert served_sessions(["haby"], [bridge("haby", "")]) == ("haby",)
