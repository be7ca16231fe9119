"""The oracle itself: each kind of broken promise is seen."""

from __future__ import annotations

import pytest

from tests.chaos.ledger import Ledger, disorder, judge, longest_claim


def kept() -> Ledger:
    return Ledger(
        written={"1": "a", "2": "b", "3": "a"},
        read=["1", "2", "3"],
        heard=["1", "2", "3"],
        asked={"x": "sent"},
        published={"p": True, "q": False},
    )


LEFT = {"x": 1, "p": 1}


def test_a_run_without_fault_is_kept() -> None:
    verdict = judge(kept(), LEFT)
    assert verdict.is_kept
    assert (verdict.messages, verdict.commands, verdict.plain_commands) == (3, 1, 1)


def test_a_message_that_was_not_read_is_lost() -> None:
    ledger = kept()
    ledger.read.remove("2")
    assert (judge(ledger, LEFT).lost, judge(ledger, LEFT).is_kept) == (1, False)


def test_a_message_read_twice_is_duplicated() -> None:
    ledger = kept()
    ledger.read.append("1")
    verdict = judge(ledger, LEFT)
    assert (verdict.duplicated, verdict.out_of_order, verdict.is_kept) == (1, 0, False)


def test_order_is_a_chats_own() -> None:
    written = {"1": "a", "2": "b", "3": "a"}
    assert disorder(["2", "1", "3"], written) == 0
    assert disorder(["3", "2", "1"], written) == 1


def test_what_is_told_as_sent_and_never_left_is_lost() -> None:
    assert judge(kept(), {"p": 1}).commands_lost == 1


@pytest.mark.parametrize("body", ["x", "p"])
def test_what_left_twice_is_counted_with_or_without_id(body: str) -> None:
    verdict = judge(kept(), LEFT | {body: 2})
    assert (verdict.sent_twice, verdict.is_kept) == (1, False)


def test_unknown_is_counted_with_what_left_nevertheless() -> None:
    ledger = kept()
    ledger.asked |= {"y": "unknown", "z": "unknown"}
    verdict = judge(ledger, LEFT | {"y": 1})
    assert (verdict.unknown, verdict.unknown_left, verdict.is_kept) == (2, 1, True)


def test_a_command_without_an_end_breaks_the_promise() -> None:
    ledger = kept()
    ledger.asked["y"] = ""
    assert (judge(ledger, LEFT).unanswered, judge(ledger, LEFT).is_kept) == (1, False)


def test_what_plain_programs_lose_is_told_and_breaks_nothing() -> None:
    ledger = kept()
    ledger.heard = ["1", "1"]
    verdict = judge(ledger, {"x": 1})
    assert (verdict.plain_missed, verdict.plain_repeated, verdict.plain_commands_lost) == (2, 1, 1)
    assert verdict.is_kept


@pytest.mark.parametrize(
    ("samples", "claim"),
    [
        ([(0.0, "connected"), (12.0, "offline")], 2.0),
        ([(0.0, "connected"), (9.0, "offline"), (15.0, "connected")], 0.0),
        ([(0.0, "connected")], 10.0),
        ([(0.0, "offline"), (12.0, "connected")], 0.0),
    ],
)
def test_how_long_connected_was_claimed(samples: list[tuple[float, str]], claim: float) -> None:
    assert longest_claim(samples, 10.0, 20.0) == claim
