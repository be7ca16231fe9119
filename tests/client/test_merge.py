"""The merge of live items, replays and statuses: nothing missing, nothing twice, in order, whatever the broker does."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from bridge.client.gaps import Gap, GapReason
from bridge.client.merge import FRUITLESS, GRACE, LONGEST_SILENCE, SILENCE, UNREADABLE, Merge, Start
from bridge.contract.commands import Cursor, ReplayRequest
from bridge.contract.messages import ErrorInfo, ReplayEnd, Stream

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def merging(start: Start = None, *, limit: int = 100, page: int = 10) -> Merge[str]:
    numbers = itertools.count(1)
    return Merge("haby", Stream.IN, "me", start, new_id=lambda: f"r{next(numbers)}", limit=limit, page=page)


def popped(merge: Merge[str]) -> list[str | Gap]:
    return list(iter(merge.pop, None))


def end(
    request: ReplayRequest | None, first: int | None, last: int, after: int | None = None, epoch: str = "A"
) -> ReplayEnd:
    assert request is not None
    return ReplayEnd(
        session="haby",
        request=request.request,
        stream=Stream.IN,
        epoch=epoch,
        first_seq=first,
        last_seq=last,
        next=after,
        gap=False,
    )


def gaps(items: list[str | Gap]) -> list[tuple[GapReason, int, int]]:
    return [(item.reason, item.before.seq, item.after.seq) for item in items if isinstance(item, Gap)]


def test_live_items_flow_without_a_question_being_answered() -> None:
    merge = merging()
    merge.resumed(0)
    for seq in (1, 2, 2, 1, 3):
        merge.take("A", seq, f"a{seq}", 0, replayed=False)
    assert popped(merge) == ["a1", "a2", "a3"]


def test_live_items_wait_for_the_replay_before_them() -> None:
    merge = merging()
    merge.resumed(0)
    request = merge.request(0)
    assert request is not None
    assert request.after is None
    merge.take("A", 3, "a3", 0, replayed=False)
    assert popped(merge) == []
    merge.take("A", 1, "a1", 0, replayed=True)
    merge.take("A", 2, "a2", 0, replayed=True)
    merge.take("A", 3, "a3", 0, replayed=True)
    merge.ended(end(request, 1, 3), 0)
    assert popped(merge) == ["a1", "a2", "a3"]
    assert merge.due is None


def test_a_request_is_repeated_ever_more_rarely_and_anew_after_progress() -> None:
    merge = merging(Cursor(epoch="A", seq=4))
    merge.resumed(0)
    first = merge.request(0)
    assert merge.request(0.1) is None
    moments = [0.0]
    for _ in range(5):
        assert merge.due is not None
        moments.append(merge.due)
        assert merge.request(merge.due) == first
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    assert pauses == [SILENCE, 10, 20, LONGEST_SILENCE, LONGEST_SILENCE]
    merge.take("A", 5, "a5", 100, replayed=True)
    assert merge.due is not None
    again = merge.request(merge.due)
    assert again is not None
    assert first is not None
    assert again.request != first.request
    assert again.after == Cursor(epoch="A", seq=5)


def test_pages_follow_each_other_at_once() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.resumed(0)
    request = merge.request(0)
    for seq in range(1, 11):
        merge.take("A", seq, f"a{seq}", 0, replayed=True)
    merge.ended(end(request, 1, 12, after=10), 0.5)
    following = merge.request(0.5)
    assert following is not None
    assert following.after == Cursor(epoch="A", seq=10)


def test_a_status_that_is_ahead_is_believed_after_a_while() -> None:
    merge = merging(Cursor(epoch="A", seq=4))
    merge.told("A", 5, 0, away=False)
    assert merge.due == GRACE
    merge.take("A", 5, "a5", 1, replayed=False)
    assert merge.request(GRACE) is None
    merge.told("A", 6, 10, away=False)
    assert merge.request(10 + GRACE) is not None


def test_nothing_is_asked_while_the_bridge_is_away_and_at_once_when_it_returns() -> None:
    merge = merging(Cursor(epoch="A", seq=4))
    merge.resumed(0)
    merge.told(None, 0, 0, away=True)
    assert merge.request(0) is None
    assert merge.due is None
    merge.told("A", 4, 60, away=False)
    assert merge.request(60) is not None


def test_now_begins_behind_the_status_or_with_the_first_live_item() -> None:
    merge = merging("now")
    merge.resumed(0)
    assert merge.request(0) is None
    merge.take("A", 2, "a2", 0, replayed=True)  # another reader's replay
    merge.told("A", 7, 0, away=False)
    merge.take("A", 7, "a7", 0, replayed=False)
    merge.take("A", 8, "a8", 0, replayed=False)
    assert popped(merge) == ["a8"]
    merge = merging("now")
    merge.take("A", 9, "a9", 0, replayed=False)
    assert popped(merge) == ["a9"]


@pytest.mark.parametrize(("start", "told"), [(None, []), (Cursor(epoch="A", seq=3), [(GapReason.RETENTION, 3, 39)])])
def test_what_is_not_kept_is_a_gap_for_who_had_been_there(start: Start, told: list[tuple[GapReason, int, int]]) -> None:
    merge = merging(start)
    merge.resumed(0)
    request = merge.request(0)
    merge.take("A", 40, "a40", 0, replayed=True)
    merge.ended(end(request, 40, 40), 0)
    items = popped(merge)
    assert gaps(items) == told
    assert items[-1] == "a40"


def test_another_epoch_yields_what_is_held_then_tells_then_starts_anew() -> None:
    merge = merging(Cursor(epoch="A", seq=1))
    merge.take("A", 3, "a3", 0, replayed=False)
    merge.told("B", 2, 0, away=False)
    items = popped(merge)
    assert gaps(items) == [(GapReason.LOST, 1, 2), (GapReason.NEW_EPOCH, 3, 0)]
    assert items[1] == "a3"
    request = merge.request(0)
    assert request is not None
    assert request.after == Cursor(epoch="B", seq=0)
    merge.take("A", 4, "a4", 0, replayed=False)  # late, from the store that is gone
    for seq in (1, 2):
        merge.take("B", seq, f"b{seq}", 0, replayed=True)
    assert popped(merge) == ["b1", "b2"]


def test_back_in_an_epoch_nothing_is_repeated() -> None:
    merge = merging(Cursor(epoch="A", seq=5))
    merge.told("B", 0, 0, away=False)
    merge.told("A", 6, 1, away=False)
    merge.ended(end(merge.request(1), 1, 6), 1)  # only an answer to a question proves that it is so
    assert merge.due is not None
    request = merge.request(merge.due)
    assert request is not None
    assert request.after == Cursor(epoch="A", seq=5)
    merge.take("A", 5, "a5", 2, replayed=True)
    merge.take("A", 6, "a6", 2, replayed=True)
    assert [item for item in popped(merge) if not isinstance(item, Gap)] == ["a6"]


def test_a_store_that_was_wound_back_is_told_instead_of_waited_for() -> None:
    merge = merging(Cursor(epoch="A", seq=100))
    merge.resumed(0)
    merge.ended(end(merge.request(0), 1, 50), 0)
    merge.take("A", 51, "a51", 1, replayed=False)
    items = popped(merge)
    assert gaps(items) == [(GapReason.REWOUND, 100, 50)]
    assert items[-1] == "a51"


def test_an_item_that_cannot_be_read_is_told_and_passed() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.take("A", 1, UNREADABLE, 0, replayed=False)
    merge.take("A", 2, "a2", 0, replayed=False)
    items = popped(merge)
    assert gaps(items) == [(GapReason.UNREADABLE, 0, 1)]
    assert items[-1] == "a2"


def test_an_item_that_no_page_brings_is_given_up_and_told() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.resumed(0)
    now = 0.0
    for _ in range(FRUITLESS):
        request = merge.request(now)
        merge.take("A", 2, "a2", now, replayed=True)
        merge.ended(end(request, 1, 2), now)
        now = merge.due or now
    items = popped(merge)
    assert gaps(items) == [(GapReason.LOST, 0, 1)]
    assert items[-1] == "a2"


def test_an_error_instead_of_a_page_is_tried_again_later() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.resumed(0)
    failed = end(merge.request(0), None, 0).model_copy(
        update={"error": ErrorInfo(code="internal", text="…", transient=True)}
    )
    merge.ended(failed, 1)
    assert merge.due == 1 + SILENCE
    assert merge.request(1 + SILENCE) is not None


def test_what_is_held_is_bounded_and_replayed_later() -> None:
    merge = merging(Cursor(epoch="A", seq=0), limit=5)
    for seq in range(2, 50):
        merge.take("A", seq, f"a{seq}", 0, replayed=False)
    merge.take("A", 1, "a1", 0, replayed=True)
    assert popped(merge) == [f"a{seq}" for seq in range(1, 7)]
