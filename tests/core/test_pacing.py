"""Which command is sent next, and when: none too early, none never, and no chat delays another."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.commands import Priority
from bridge.contract.errors import InvalidRequest
from bridge.contract.pace import Pace
from bridge.contract.waiting import WaitReason
from bridge.core.budgets import Pacing, TokenBucket
from bridge.core.pacing import HOLD, PacedWait, Schedule
from bridge.ports import OutboxRow
from tests.core.commands import ANA, BETO, CARLA, row

OFF = Pace(math.inf, 1)
FREE = Pacing(OFF, OFF)
CHATS = [f"54911555{number:05d}@c.us" for number in range(5)]


def queue(schedule: Schedule, *rows: OutboxRow) -> None:
    for queued in rows:
        schedule.add(queued)


def wait_of_next(schedule: Schedule, to: str) -> PacedWait | None:
    return schedule.wait_of_next(row(99, to).claim, to, 0.0, 0.0)


def take(schedule: Schedule, now: float = 0.0, jitter: float = 0.0) -> int:
    given_out = schedule.next(now, jitter)
    assert isinstance(given_out, OutboxRow), given_out
    return given_out.number


@pytest.mark.parametrize(
    ("text", "rate"), [("20/minute", 1 / 3), ("5/second", 5.0), (" 1 / HOUR ", 1 / 3600), ("86400/day", 1.0)]
)
def test_a_pace_is_written_as_a_number_per_unit(text: str, rate: float) -> None:
    pace = Pace.parse(text, burst=3)
    assert pace.burst == 3
    assert math.isclose(pace.rate, rate)


def test_off_is_no_pace() -> None:
    assert Pace.parse("Off", burst=1).is_off
    assert Schedule(FREE).budget(0) is None


@pytest.mark.parametrize("text", ["", "20", "0/minute", "-1/minute", "20/fortnight", "1.5/minute", "on", "20/minute x"])
def test_an_invalid_pace_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="20/minute"):
        Pace.parse(text, burst=1)


def test_a_row_says_what_it_waits_for_and_until_about_when() -> None:
    schedule = Schedule(Pacing(Pace(1.0, 4), Pace(0.1, 2)))
    rows = [row(number, ANA) for number in range(1, 5)]
    assert wait_of_next(schedule, ANA) is None
    queue(schedule, *rows)
    waits = schedule.waits(rows, 0.0)
    assert waits == {
        2: PacedWait(WaitReason.EARLIER_MESSAGE),
        3: PacedWait(WaitReason.CHAT_PACE, 10.0),
        4: PacedWait(WaitReason.CHAT_PACE, 20.0),
    }
    assert wait_of_next(schedule, ANA) == PacedWait(WaitReason.CHAT_PACE, 30.0)
    assert wait_of_next(schedule, BETO) == PacedWait(WaitReason.SESSION_PACE, 1.0)
    sent = schedule.next(0.0)
    assert isinstance(sent, OutboxRow)
    schedule.put_back(sent, 0.0, not_before=7.0)
    assert schedule.waits([rows[0]], 0.0) == {1: PacedWait(WaitReason.RETRY, 7.0)}


@given(st.lists(st.sampled_from(CHATS), max_size=12))
def test_every_row_that_is_not_sent_at_once_has_an_estimate_that_is_not_too_late(chats: list[str]) -> None:
    """Of a queue of one priority that gets no more commands, with acks at once and no jitter."""
    schedule = Schedule(Pacing(Pace(0.5, 2), Pace(0.25, 1)))
    rows = [row(number, chat) for number, chat in enumerate(chats, 1)]
    queue(schedule, *rows)
    waits, now, sent = schedule.waits(rows, 0.0), 0.0, dict[int, float]()
    while len(sent) < len(rows):
        ready = schedule.next(now)
        if isinstance(ready, OutboxRow):
            sent[ready.number] = now
            schedule.release(ready)
        else:
            assert ready is not None
            now = ready
    for number, at in sent.items():
        wait = waits.get(number)
        assert wait is None or wait.until is None or wait.until <= max(sent.values()) + 1e-6
        assert at == 0.0 or wait is not None


@given(st.floats(0.01, 100), st.integers(1, 50), st.lists(st.floats(0, 20), max_size=80))
def test_a_bucket_never_gives_more_than_its_rate_and_burst(rate: float, burst: int, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(Pace(rate, burst)), 500.0, 0
    for pause in pauses:
        now += pause
        if bucket.ready_at(now) <= now:
            bucket.take(now)
            taken += 1
        assert taken <= rate * (now - 500.0) + burst + 1e-6
        assert bucket.tokens(bucket.full_at(now)) == pytest.approx(burst)


arrivals = st.lists(
    st.tuples(st.sampled_from(CHATS), st.sampled_from(Priority), st.floats(0, 5), st.booleans()),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(arrivals, st.floats(0.05, 5), st.integers(1, 5), st.floats(0, 2), st.floats(0, 2), st.floats(0, 1))
def test_commands_are_sent_at_the_pace_and_in_order(
    arriving: list[tuple[str, Priority, float, bool]],
    rate: float,
    burst: int,
    spacing: float,
    jitter: float,
    drawn: float,
) -> None:
    pacing = Pacing(Pace(rate, burst), Pace(rate / 2, burst), spacing, jitter)
    schedule, now, waiting = Schedule(pacing), 100.0, list(enumerate(arriving, 1))
    left: list[tuple[float, OutboxRow]] = []
    due = now
    for _ in range(3000):
        while waiting and waiting[0][1][2] + due <= now:
            number, (chat, priority, _, _) = waiting.pop(0)
            schedule.add(row(number, chat, priority=priority))
            due = now
        answer = schedule.next(now, drawn)
        if isinstance(answer, OutboxRow):
            left.append((now, answer))
            if arriving[answer.number - 1][3]:
                schedule.release(answer)
            else:
                schedule.hold(answer, now + HOLD)
        elif waiting:
            now = min(answer or math.inf, waiting[0][1][2] + due)
        elif answer is None:
            break
        else:
            assert answer >= now
            now = answer
    assert sorted(sent.number for _, sent in left) == list(range(1, len(arriving) + 1))
    by_chat = defaultdict(list)
    for moment, sent in left:
        by_chat[sent.claim.to].append((moment, sent))
    for sent_to_one in by_chat.values():
        assert [sent.number for _, sent in sent_to_one] == sorted(sent.number for _, sent in sent_to_one)
        for (before, first), (after, _) in pairwise(sent_to_one):
            assert arriving[first.number - 1][3] or after >= before + HOLD - 1e-6
    for index, (start, _) in enumerate(left):
        for count, (end, _) in enumerate(left[index:], 1):
            assert count <= rate * (end - start) + burst + 1e-6
    gaps = [after - before for (before, _), (after, _) in pairwise(left)]
    assert all(gap >= spacing - 1e-6 for gap in gaps)
    assert not schedule._queued


def test_priority_decides_between_chats_and_then_the_claim() -> None:
    schedule = Schedule(FREE)
    queue(
        schedule,
        row(1, ANA, priority=Priority.BULK),
        row(2, BETO, priority=Priority.REPLY),
        row(3, CARLA, priority=Priority.HUMAN),
        row(4, CHATS[0], priority=Priority.REPLY),
    )
    assert [take(schedule) for _ in range(4)] == [3, 2, 4, 1]


def test_priority_never_overtakes_within_a_chat() -> None:
    schedule = Schedule(FREE)
    queue(schedule, row(1, priority=Priority.BULK), row(2, priority=Priority.HUMAN))
    first = schedule.next(0.0)
    assert isinstance(first, OutboxRow)
    assert first.number == 1
    assert schedule.next(0.0) is None  # only an ack of the first can free the chat
    schedule.release(first)
    assert take(schedule) == 2


def test_a_waiting_chat_delays_no_other_and_its_own_for_sixty_seconds_at_most() -> None:
    schedule = Schedule(FREE)
    queue(schedule, row(1), row(2), row(3, BETO))
    first = schedule.next(0.0)
    assert isinstance(first, OutboxRow)
    schedule.hold(first, HOLD)
    assert take(schedule) == 3
    assert schedule.next(1.0) == HOLD
    assert schedule.next(HOLD - 0.1) == HOLD
    assert take(schedule, HOLD) == 2
    schedule.release(first)  # a late ack releases only its own row
    queue(schedule, row(4))
    assert schedule.next(HOLD + 1) is None


def test_a_row_put_back_is_sent_before_newer_ones_of_its_chat() -> None:
    schedule = Schedule(Pacing(Pace(0.01, 1), Pace(0.01, 1)))
    queue(schedule, row(1), row(2), row(3))
    first = schedule.next(0.0)
    assert isinstance(first, OutboxRow)
    assert schedule.budget(0.0) == 0
    schedule.put_back(first, 0.0, not_before=2.0)
    assert schedule.budget(0.0) == 1  # nothing was sent, so no token is used: others may send meanwhile
    assert schedule.next(0.0) == 2.0
    assert schedule.next(1.0) == 2.0
    assert take(schedule, 2.0) == 1


def test_jitter_is_added_once_and_only_to_a_send_that_had_to_wait() -> None:
    schedule = Schedule(Pacing(Pace(1.0, 1), OFF, jitter=10.0))
    queue(schedule, row(1), row(2, BETO))
    assert take(schedule, 0.0, jitter=0.5) == 1
    assert schedule.next(0.0, 0.5) == 1.0
    assert schedule.next(1.0, 0.5) == 6.0
    for wakened in (1.5, 3.0, 5.9):  # wake-ups in between must not delay it indefinitely
        assert schedule.next(wakened, 0.9) == 6.0
    assert take(schedule, 6.0, jitter=0.9) == 2
    queue(schedule, row(3, CARLA))
    assert take(schedule, 60.0, jitter=0.9) == 3


def test_a_chat_that_waits_puts_no_jitter_on_another() -> None:
    schedule = Schedule(Pacing(OFF, Pace(1.0, 1), jitter=10.0))
    queue(schedule, row(1), row(2))
    first = schedule.next(0.0)
    assert isinstance(first, OutboxRow)
    schedule.release(first)
    assert schedule.next(0.0, 0.5) == 1.0
    queue(schedule, row(3, BETO))
    assert take(schedule, 0.0, jitter=0.5) == 3
    assert schedule.next(1.0, 0.5) == 6.0  # but its own row has waited


def test_expired_rows_are_removed_in_time() -> None:
    schedule = Schedule(FREE)
    queue(schedule, row(1, expires_at=50.0), row(2, expires_at=20.0), row(3, BETO), row(4, BETO, expires_at=20.0))
    assert schedule.next_expiry() == 20.0
    assert schedule.expired(19.9) == []
    assert [gone.number for gone in schedule.expired(20.0)] == [2, 4]
    assert (schedule.next_expiry(), list(schedule._queued)) == (50.0, [1, 3])
    assert [take(schedule), take(schedule)] == [1, 3]
    assert schedule.next_expiry() is None
    assert schedule.next(0.0) is None


def test_the_head_that_expired_frees_its_chat_for_the_next() -> None:
    schedule = Schedule(Pacing(OFF, Pace(1.0, 1)))
    queue(schedule, row(1, priority=Priority.HUMAN, expires_at=1.0), row(2, priority=Priority.BULK), row(3, BETO))
    assert [gone.number for gone in schedule.expired(1.0)] == [1]
    assert [take(schedule), take(schedule)] == [3, 2]


def test_the_budget_is_the_number_of_sends_that_could_go_out_at_once() -> None:
    schedule = Schedule(Pacing(Pace(1.0, 3), OFF))
    assert schedule.budget(0.0) == 3
    queue(schedule, row(1), row(2, BETO))
    take(schedule)
    take(schedule)
    assert [schedule.budget(now) for now in (0.0, 0.9, 1.0, 60.0)] == [1, 1, 2, 3]


def test_idle_chats_are_dropped() -> None:
    schedule = Schedule(Pacing(OFF, Pace(1.0, 1)))
    for number in range(100):
        queue(schedule, row(number, f"54911555{number:05d}@c.us"))
        given_out = schedule.next(0.0)
        assert isinstance(given_out, OutboxRow)
        schedule.release(given_out)
    assert schedule.next(0.0) is None
    assert len(schedule._lanes) == 100  # each must wait a second before its next send
    assert schedule.next(1.0) is None
    assert len(schedule._lanes) == 0


def test_ten_thousand_chats_cost_no_more_than_a_fraction_of_a_millisecond_each() -> None:
    schedule, count = Schedule(Pacing(OFF, Pace(1.0, 1), jitter=1.0)), 10_000
    started = time.perf_counter()
    for number in range(count):
        schedule.add(row(number, f"549115{number:07d}@c.us", expires_at=1e9 + number))
    for _ in range(count):
        schedule.expired(0.0)
        schedule.next_expiry()
        given_out = schedule.next(0.0)
        assert isinstance(given_out, OutboxRow)
        schedule.hold(given_out, HOLD)
        schedule.release(given_out)
    assert (time.perf_counter() - started) / count < 0.001
