"""The verdict detects each kind of broken guarantee."""

from __future__ import annotations

import pytest

from tests.chaos.ledger import Ledger, disorder, false_connected, judge


def flawless() -> Ledger:
    return Ledger(
        written={"1": "a", "2": "b", "3": "a"},
        read=["1", "2", "3"],
        plain_read=["1", "2", "3"],
        commands={"x": "sent"},
        published={"p": True, "q": False},
        done=["reaction 1"],
        events=["reaction 1"],
        files={"2": "abc"},
        ready={"2": "abc"},
    )


RECEIVED = {"x": 1, "p": 1}


def test_a_run_without_fault_is_flawless() -> None:
    verdict = judge(flawless(), RECEIVED)
    assert verdict.is_kept
    assert (verdict.messages, verdict.commands, verdict.plain_commands) == (3, 1, 1)


def test_a_message_that_was_not_read_is_lost() -> None:
    ledger = flawless()
    ledger.read.remove("2")
    assert (judge(ledger, RECEIVED).lost, judge(ledger, RECEIVED).is_kept) == (1, False)


def test_a_message_read_twice_is_duplicated() -> None:
    ledger = flawless()
    ledger.read.append("1")
    verdict = judge(ledger, RECEIVED)
    assert (verdict.duplicated, verdict.out_of_order, verdict.is_kept) == (1, 0, False)


def test_acts_files_and_contents_are_checked() -> None:
    ledger = flawless()
    ledger.events *= 2
    assert (judge(ledger, RECEIVED).acts_repeated, judge(ledger, RECEIVED).is_kept) == (1, False)
    ledger.events = []
    assert (judge(ledger, RECEIVED).acts_lost, judge(ledger, RECEIVED).is_kept) == (1, False)
    for wrong in ({}, {"2": "abd"}):
        ledger = flawless()
        ledger.ready = wrong
        assert (judge(ledger, RECEIVED).files_wrong, judge(ledger, RECEIVED).is_kept) == (1, False)
    ledger = flawless()
    ledger.garbled = ["1: kind image"]
    assert (judge(ledger, RECEIVED).garbled, judge(ledger, RECEIVED).is_kept) == (1, False)


def test_order_is_checked_per_chat() -> None:
    written = {"1": "a", "2": "b", "3": "a"}
    assert disorder(["2", "1", "3"], written) == []
    assert disorder(["3", "2", "1"], written) == ["1"]


def test_a_command_reported_as_sent_and_never_received_is_lost() -> None:
    assert judge(flawless(), {"p": 1}).commands_lost == 1


@pytest.mark.parametrize("body", ["x", "p"])
def test_a_text_received_twice_is_counted_with_or_without_id(body: str) -> None:
    verdict = judge(flawless(), RECEIVED | {body: 2})
    assert (verdict.sent_twice, verdict.is_kept) == (1, False)


def test_unknown_results_are_counted_and_those_sent() -> None:
    ledger = flawless()
    ledger.commands |= {"y": "unknown", "z": "unknown"}
    verdict = judge(ledger, RECEIVED | {"y": 1})
    assert (verdict.unknown, verdict.unknown_sent, verdict.is_kept) == (2, 1, True)


def test_a_command_without_a_final_result_breaks_the_guarantee() -> None:
    ledger = flawless()
    ledger.commands["y"] = ""
    assert (judge(ledger, RECEIVED).unanswered, judge(ledger, RECEIVED).is_kept) == (1, False)


def test_losses_of_plain_programs_are_counted_and_break_no_guarantee() -> None:
    ledger = flawless()
    ledger.plain_read = ["1", "1"]
    verdict = judge(ledger, {"x": 1})
    assert (verdict.plain_missed, verdict.plain_repeated, verdict.plain_commands_lost) == (2, 1, 1)
    assert verdict.is_kept


@pytest.mark.parametrize(
    ("samples", "seconds"),
    [
        ([(0.0, "connected"), (12.0, "offline")], 2.0),
        ([(0.0, "connected"), (9.0, "offline"), (15.0, "connected")], 0.0),
        ([(0.0, "connected")], 10.0),
        ([(0.0, "offline"), (12.0, "connected")], 0.0),
    ],
)
def test_how_long_connected_was_false(samples: list[tuple[float, str]], seconds: float) -> None:
    assert false_connected(samples, 10.0, 20.0) == seconds
