"""The two budgets: first messages keep their pace, their number in a day and WhatsApp's lock, and delay no answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.commands import Priority
from bridge.contract.pace import Pace
from bridge.contract.waiting import WaitReason
from bridge.core.budgets import DAY, SPREAD, FirstMessages, Pacing
from bridge.core.pacing import PacedWait, Schedule
from bridge.ports import OutboxRow
from tests.core.commands import ANA, BETO, CARLA, row

OFF = Pace(math.inf, 1)
NEW = Pace.parse("1/30s", burst=1)
CHATS = [f"54911555{number:05d}@c.us" for number in range(12)]
KNOWN = frozenset(CHATS[6:])


def schedule_of(pacing: Pacing, strangers: Callable[[str], bool] = lambda lane: lane not in KNOWN) -> Schedule:
    return Schedule(pacing, lambda _row, lane: strangers(lane))


@pytest.mark.parametrize(("text", "seconds"), [("1/30s", 30), ("1 / 2 minute", 120), ("3/minute", 20)])
def test_a_pace_may_name_a_number_of_units(text: str, seconds: float) -> None:
    assert 1 / Pace.parse(text, burst=1).rate == pytest.approx(seconds)


@given(
    st.floats(0.5, 3600),
    st.one_of(st.none(), st.integers(1, 8)),
    st.lists(st.tuples(st.floats(0, 20_000), st.floats(0, 1), st.booleans()), max_size=60),
)
def test_first_messages_never_leave_too_early_nor_too_many(
    interval: float, per_day: int | None, tries: list[tuple[float, float, bool]]
) -> None:
    budget, now, sent = FirstMessages(Pace(1 / interval, 1), per_day), 1000.0, list[float]()
    for number, (pause, drawn, given_back) in enumerate(tries):
        now += pause
        ready = budget.ready_at(now)
        if ready > now:
            now = ready
        assert budget.ready_at(now) <= now, "what it says is when it may leave"
        budget.take(number, now, drawn)
        if given_back:
            budget.give_back(number, now)
        else:
            budget.settle(number)
            sent.append(now)
        assert budget.sent(now) == sum(at > now - DAY for at in sent)
    assert all(after - before >= interval * (1 - SPREAD) - 1e-6 for before, after in pairwise(sent))
    if per_day is not None:
        for at in sent:
            assert sum(at - DAY + 1e-6 < other <= at for other in sent) <= per_day


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_the_pause_between_two_is_uneven_and_within_half_of_the_pace(draws: list[float]) -> None:
    budget, now, times = FirstMessages(NEW, None), 0.0, list[float]()
    for number, drawn in enumerate([*draws, 0.5]):
        now = max(now, budget.ready_at(now))
        budget.take(number, now, drawn)
        times.append(now)
    for (before, after), drawn in zip(pairwise(times), draws, strict=True):
        assert after - before == pytest.approx(15 + 30 * drawn)


def test_what_was_sent_before_a_restart_counts_also_where_the_clock_was_set_back() -> None:
    budget = FirstMessages(NEW, 3)
    budget.load([-DAY - 1, -50.0, 900.0], now=0.0)  # the last one is in the future
    assert budget.sent(0.0) == 2
    assert budget.ready_at(0.0) == 30.0
    assert budget.left(0.0) == 0
    assert (budget.left(30.0), budget.left(DAY)) == (1, 1)


def test_without_pace_and_number_nothing_is_counted() -> None:
    budget = FirstMessages(OFF, None)
    for number in range(1000):
        budget.take(number, float(number), 0.5)
    assert (budget.sent(0.0), budget.left(0.0), budget.has(5)) == (0, None, False)
    budget.locked_until = 10.0
    assert (budget.left(0.0), budget.left(10.0)) == (0, None)


arrivals = st.lists(
    st.tuples(st.sampled_from(CHATS), st.sampled_from(Priority), st.floats(0, 40)), min_size=1, max_size=25
)


@settings(max_examples=80, deadline=None)
@given(arrivals, st.floats(1, 60), st.floats(0, 1), st.one_of(st.none(), st.integers(1, 4)))
def test_first_messages_delay_no_answer_and_everything_leaves(
    arriving: list[tuple[str, Priority, float]], interval: float, drawn: float, per_day: int | None
) -> None:
    """With the session's pace off, an answer leaves when it comes, whatever waits; its chat has nothing in flight."""
    schedule = schedule_of(Pacing(OFF, OFF, new=Pace(1 / interval, 1), per_day=per_day))
    now, left, came, waiting = 0.0, dict[int, float](), dict[int, float](), list(enumerate(arriving, 1))
    due = now
    for _ in range(2000):
        while waiting and waiting[0][1][2] + due <= now:
            number, (chat, priority, _) = waiting.pop(0)
            schedule.add(row(number, chat, priority=priority))
            came[number] = due = now
        ready = schedule.next(now, drawn)
        if isinstance(ready, OutboxRow):
            left[ready.number] = now
            schedule.release(ready)
        elif ready is None and not waiting:
            break
        else:
            now = min(ready if ready is not None else math.inf, waiting[0][1][2] + due if waiting else math.inf)
    assert len(left) == len(arriving), "every row leaves"
    firsts = sorted(at for number, at in left.items() if arriving[number - 1][0] not in KNOWN)
    assert all(left[number] == came[number] for number, (chat, *_) in enumerate(arriving, 1) if chat in KNOWN)
    assert all(after - before >= interval * (1 - SPREAD) - 1e-6 for before, after in pairwise(firsts))
    if per_day is not None:
        assert all(sum(at - DAY + 1e-6 < other <= at for other in firsts) <= per_day for at in firsts)
    assert not schedule._first


def test_a_first_message_takes_its_share_of_both_budgets() -> None:
    schedule = schedule_of(Pacing(Pace(0.1, 1), OFF, new=NEW))
    schedule.add(row(1, CHATS[0]))
    assert isinstance(schedule.next(0.0), OutboxRow)
    assert schedule.budget(0.0) == 0
    schedule.add(row(2, CHATS[7]))
    assert schedule.next(0.0) == 10.0


def test_the_one_that_writes_is_answered_at_once() -> None:
    strangers = {ANA, BETO}
    schedule = schedule_of(Pacing(OFF, OFF, new=NEW), lambda lane: lane in strangers)
    for queued in (row(1, ANA), row(2, BETO)):
        schedule.add(queued)
    assert isinstance(schedule.next(0.0, 0.5), OutboxRow)
    assert schedule.next(0.0) == 30.0
    strangers.remove(BETO)
    schedule.wrote(BETO)
    answered = schedule.next(0.0)
    assert isinstance(answered, OutboxRow)
    assert answered.number == 2


def test_a_lane_that_turns_out_to_be_known_is_answered_at_once() -> None:
    lid, strangers = "188000000000001@lid", {ANA, BETO}
    schedule = schedule_of(Pacing(OFF, OFF, new=NEW), lambda lane: lane in strangers)
    schedule.add(row(1, BETO))
    assert isinstance(schedule.next(0.0, 0.5), OutboxRow)
    schedule.add(row(2, ANA))
    assert schedule.next(0.0) == 30.0
    schedule.join(lid, ANA, 0.0)  # the person wrote under the LID
    assert isinstance(schedule.next(0.0), OutboxRow)


def test_a_row_that_was_not_sent_gives_its_place_to_another() -> None:
    schedule = schedule_of(Pacing(OFF, OFF, new=NEW, per_day=1))
    for queued in (row(1, ANA), row(2, BETO)):
        schedule.add(queued)
    first = schedule.next(0.0, 0.5)
    assert isinstance(first, OutboxRow)
    assert schedule.is_first_message(first)
    schedule.put_back(first, 0.0, not_before=5.0)
    assert not schedule.is_first_message(first)
    second = schedule.next(0.0)
    assert isinstance(second, OutboxRow)
    assert second.number == 2


def test_first_messages_say_what_they_wait_for() -> None:
    schedule = schedule_of(Pacing(OFF, OFF, new=NEW, per_day=2))
    rows = [row(number, chat) for number, chat in enumerate((ANA, BETO, CARLA), 1)]
    for queued in rows:
        schedule.add(queued)
    day = WaitReason.FIRST_MESSAGES_PER_DAY
    assert schedule.waits(rows, 0.0) == {
        2: PacedWait(WaitReason.FIRST_MESSAGE_PACE, 30.0),
        3: PacedWait(day, DAY),
    }
    schedule.first_messages.locked_until = 100.0
    assert {wait.reason for number, wait in schedule.waits(rows, 0.0).items() if number < 3} == {
        WaitReason.REACH_OUT_LOCK
    }
