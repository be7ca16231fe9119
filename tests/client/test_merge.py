"""The merge of live items, replays and statuses: complete, without duplicates, in order, whatever the broker does."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from bridge.client.merge import (
    GRACE,
    LONGEST_SILENCE,
    MAX_EMPTY_PAGES,
    SILENCE,
    UNREADABLE,
    Gap,
    GapReason,
    Merge,
    Start,
)
from bridge.contract.messages import ErrorInfo, ReplayEnd, Stream
from bridge.contract.replays import Cursor, ReplayRequest

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


def test_live_items_are_yielded_without_a_replay() -> None:
    merge = merging()
    merge.resubscribed(0)
    for seq in (1, 2, 2, 1, 3):
        merge.take("A", seq, f"a{seq}", 0, replayed=False)
    assert popped(merge) == ["a1", "a2", "a3"]


def test_live_items_wait_for_the_replay_before_them() -> None:
    merge = merging()
    merge.resubscribed(0)
    request = merge.request(0)
    assert request is not None
    assert request.after is None
    merge.take("A", 3, "a3", 0, replayed=False)
    assert popped(merge) == []
    merge.take("A", 1, "a1", 0, replayed=True)
    merge.take("A", 2, "a2", 0, replayed=True)
    merge.take("A", 3, "a3", 0, replayed=True)
    merge.take_end(end(request, 1, 3), 0)
    assert popped(merge) == ["a1", "a2", "a3"]
    assert merge.due is None


def test_a_request_is_repeated_with_growing_pauses_and_renewed_after_progress() -> None:
    merge = merging(Cursor(epoch="A", seq=4))
    merge.resubscribed(0)
    first = merge.request(0)
    assert merge.request(0.1) is None
    times = [0.0]
    for _ in range(5):
        assert merge.due is not None
        times.append(merge.due)
        assert merge.request(merge.due) == first
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses == [SILENCE, 10, 20, LONGEST_SILENCE, LONGEST_SILENCE]
    merge.take("A", 5, "a5", 100, replayed=True)
    assert merge.due is not None
    again = merge.request(merge.due)
    assert again is not None
    assert first is not None
    assert again.request != first.request
    assert again.after == Cursor(epoch="A", seq=5)


def test_the_next_page_is_requested_at_once() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.resubscribed(0)
    request = merge.request(0)
    for seq in range(1, 11):
        merge.take("A", seq, f"a{seq}", 0, replayed=True)
    merge.take_end(end(request, 1, 12, after=10), 0.5)
    following = merge.request(0.5)
    assert following is not None
    assert following.after == Cursor(epoch="A", seq=10)


def test_a_newer_seq_in_a_status_leads_to_a_request_after_the_grace_period() -> None:
    merge = merging(Cursor(epoch="A", seq=4))
    merge.take_status("A", 5, 0, away=False)
    assert merge.due == GRACE
    merge.take("A", 5, "a5", 1, replayed=False)
    assert merge.request(GRACE) is None
    merge.take_status("A", 6, 10, away=False)
    assert merge.request(10 + GRACE) is not None


def test_nothing_is_requested_while_the_bridge_is_offline_and_at_once_when_it_returns() -> None:
    merge = merging(Cursor(epoch="A", seq=4))
    merge.resubscribed(0)
    merge.take_status(None, 0, 0, away=True)
    assert merge.request(0) is None
    assert merge.due is None
    merge.take_status("A", 4, 60, away=False)
    assert merge.request(60) is not None


def test_now_starts_after_the_status_or_with_the_first_live_item() -> None:
    merge = merging("now")
    merge.resubscribed(0)
    assert merge.request(0) is None
    merge.take("A", 2, "a2", 0, replayed=True)  # another reader's replay
    merge.take_status("A", 7, 0, away=False)
    merge.take("A", 7, "a7", 0, replayed=False)
    merge.take("A", 8, "a8", 0, replayed=False)
    assert popped(merge) == ["a8"]
    merge = merging("now")
    merge.take("A", 9, "a9", 0, replayed=False)
    assert popped(merge) == ["a9"]


@pytest.mark.parametrize(
    ("start", "expected"), [(None, []), (Cursor(epoch="A", seq=3), [(GapReason.RETENTION, 3, 39)])]
)
def test_compacted_items_are_a_gap_for_a_reader_with_a_cursor(
    start: Start, expected: list[tuple[GapReason, int, int]]
) -> None:
    merge = merging(start)
    merge.resubscribed(0)
    request = merge.request(0)
    merge.take("A", 40, "a40", 0, replayed=True)
    merge.take_end(end(request, 40, 40), 0)
    items = popped(merge)
    assert gaps(items) == expected
    assert items[-1] == "a40"


def test_a_new_epoch_yields_the_buffered_items_then_a_gap_then_starts_again() -> None:
    merge = merging(Cursor(epoch="A", seq=1))
    merge.take("A", 3, "a3", 0, replayed=False)
    merge.take_status("B", 2, 0, away=False)
    items = popped(merge)
    assert gaps(items) == [(GapReason.LOST, 1, 2), (GapReason.NEW_EPOCH, 3, 0)]
    assert items[1] == "a3"
    request = merge.request(0)
    assert request is not None
    assert request.after == Cursor(epoch="B", seq=0)
    merge.take("A", 4, "a4", 0, replayed=False)  # late, from the old store
    for seq in (1, 2):
        merge.take("B", seq, f"b{seq}", 0, replayed=True)
    assert popped(merge) == ["b1", "b2"]


def test_returning_to_an_epoch_repeats_nothing() -> None:
    merge = merging(Cursor(epoch="A", seq=5))
    merge.take_status("B", 0, 0, away=False)
    merge.take_status("A", 6, 1, away=False)
    merge.take_end(end(merge.request(1), 1, 6), 1)  # only the answer to a request proves the return
    assert merge.due is not None
    request = merge.request(merge.due)
    assert request is not None
    assert request.after == Cursor(epoch="A", seq=5)
    merge.take("A", 5, "a5", 2, replayed=True)
    merge.take("A", 6, "a6", 2, replayed=True)
    assert [item for item in popped(merge) if not isinstance(item, Gap)] == ["a6"]


def test_a_store_older_than_the_cursor_is_reported_as_a_gap() -> None:
    merge = merging(Cursor(epoch="A", seq=100))
    merge.resubscribed(0)
    merge.take_end(end(merge.request(0), 1, 50), 0)
    merge.take("A", 51, "a51", 1, replayed=False)
    items = popped(merge)
    assert gaps(items) == [(GapReason.REWOUND, 100, 50)]
    assert items[-1] == "a51"


def test_an_unreadable_item_is_reported_and_skipped() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.take("A", 1, UNREADABLE, 0, replayed=False)
    merge.take("A", 2, "a2", 0, replayed=False)
    items = popped(merge)
    assert gaps(items) == [(GapReason.UNREADABLE, 0, 1)]
    assert items[-1] == "a2"


def test_an_item_that_no_page_contains_is_reported_lost() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.resubscribed(0)
    now = 0.0
    for _ in range(MAX_EMPTY_PAGES):
        request = merge.request(now)
        merge.take("A", 2, "a2", now, replayed=True)
        merge.take_end(end(request, 1, 2), now)
        now = merge.due or now
    items = popped(merge)
    assert gaps(items) == [(GapReason.LOST, 0, 1)]
    assert items[-1] == "a2"


def test_a_request_is_repeated_later_after_an_error() -> None:
    merge = merging(Cursor(epoch="A", seq=0))
    merge.resubscribed(0)
    failed = end(merge.request(0), None, 0).model_copy(
        update={"error": ErrorInfo(code="internal", text="…", transient=True)}
    )
    merge.take_end(failed, 1)
    assert merge.due == 1 + SILENCE
    assert merge.request(1 + SILENCE) is not None


def test_the_buffer_is_bounded_and_the_rest_is_replayed_later() -> None:
    merge = merging(Cursor(epoch="A", seq=0), limit=5)
    for seq in range(2, 50):
        merge.take("A", seq, f"a{seq}", 0, replayed=False)
    merge.take("A", 1, "a1", 0, replayed=True)
    assert popped(merge) == [f"a{seq}" for seq in range(1, 7)]
