"""Rows in doubt: when each is looked up, when its doubt ends, how long the pauses grow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.contract.lifecycle import SendState
from bridge.core.in_doubt import DOUBT_LIMIT, RETRY, InDoubt, doubt_ends
from bridge.core.pacing import HOLD
from bridge.ports import OutboxRow
from tests.core.commands import row

CHANGED_AT = 1_000_000.0


def sending(number: int, *, expires_at: float | None = None) -> OutboxRow:
    return replace(row(number, expires_at=expires_at), state=SendState.SENDING, changed_at=CHANGED_AT)


@pytest.mark.parametrize(
    ("expires_after", "ends_after"),
    [(None, DOUBT_LIMIT), (10, HOLD), (600, 600), (7200, DOUBT_LIMIT)],
)
def test_a_doubt_ends_after_the_hold_and_within_an_hour(expires_after: float | None, ends_after: float) -> None:
    one = sending(1, expires_at=None if expires_after is None else CHANGED_AT + expires_after)
    assert doubt_ends(one) == CHANGED_AT + ends_after
    in_doubt = InDoubt()
    in_doubt.await_ack(one)
    assert in_doubt.next_end() == CHANGED_AT + ends_after
    assert in_doubt.ended(CHANGED_AT + ends_after - 1) == []
    assert in_doubt.ended(CHANGED_AT + ends_after) == [one]


def test_due_look_ups_are_taken_up_to_the_limit() -> None:
    in_doubt, rows = InDoubt(), [sending(number) for number in range(4)]
    for one, at in zip(rows, (1.0, 2.0, 3.0, 9.0), strict=True):
        in_doubt.look_up(one, at)
    assert in_doubt.take_due(5.0, limit=2) == rows[:2]
    assert in_doubt.next_look_up() == 3.0
    assert in_doubt.take_due(5.0, limit=2) == rows[2:3]
    assert in_doubt.take_due(5.0, limit=2) == []
    assert in_doubt.next_look_up() == 9.0


def test_a_row_that_awaits_its_ack_is_looked_up_on_a_new_page_only() -> None:
    in_doubt, one = InDoubt(), sending(1)
    in_doubt.await_ack(one)
    assert in_doubt.next_look_up() is None
    assert in_doubt.take_due(1e9, limit=8) == []
    assert in_doubt.look_up_all(7.0) == [one]
    in_doubt.await_ack(one)  # the answer of an older call: the look-up stays scheduled
    assert in_doubt.take_due(7.0, limit=8) == [one]


def test_a_settled_row_is_forgotten_with_its_tries() -> None:
    in_doubt, one = InDoubt(), sending(1)
    assert [in_doubt.pause(one) for _ in range(7)] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    in_doubt.look_up(one, 1.0)
    in_doubt.settle(one)
    in_doubt.settle(one)
    assert (in_doubt.next_end(), in_doubt.next_look_up()) == (None, None)
    assert in_doubt.pause(one) == RETRY.first
