"""The order of posts: any order of answers, retries and restarts against what the items themselves say."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.contract.messages import Stream
from bridge.webhooks.lanes import HeldItem, Lanes, LaneWidth
from bridge.webhooks.limits import WebhookLimits

#: Two addresses of one person among them, together and alone.
PEOPLE = st.sampled_from([("ana",), ("ana-lid",), ("ana", "ana-lid"), ("beto",), ("carla",), ()])


class LanesAndModel(RuleBasedStateMachine):
    """Lanes of both streams; a restart keeps only what a store keeps: the cursor, and what is settled beyond it."""

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[Stream, list[tuple[str, ...] | None]] = {stream: [] for stream in Stream}
        self.settled: dict[Stream, set[int]] = {stream: set() for stream in Stream}
        self.cursors = dict.fromkeys(Stream, 0)
        self.added: list[tuple[Stream, int]] = []  # the order of the lanes
        self.posting: list[HeldItem] = []
        self.now = 1.0
        self.restart()

    @rule()
    def restart(self) -> None:
        """As after `kill -9`: posts in progress are lost."""
        self.lanes, self.posting, self.added = Lanes(), [], []
        for stream in Stream:
            self.lanes.begin(stream, self.cursors[stream])
            for seq in range(self.cursors[stream] + 1, len(self.items[stream]) + 1):
                self.read(stream, seq)

    def read(self, stream: Stream, seq: int) -> None:
        addresses = self.items[stream][seq - 1]
        if addresses is None or seq in self.settled[stream]:
            self.lanes.skip(stream, seq)
        else:
            self.lanes.add(stream, seq, addresses)
            self.added.append((stream, seq))

    @rule(stream=st.sampled_from(Stream), addresses=st.one_of(PEOPLE, st.none()))
    def arrive(self, stream: Stream, addresses: tuple[str, ...] | None) -> None:
        """None: an item that the filter excludes."""
        self.items[stream].append(addresses)
        self.read(stream, len(self.items[stream]))

    @rule(fresh_first=st.booleans())
    def post(self, fresh_first: bool) -> None:
        item = self.lanes.take(self.now, fresh_first=fresh_first)
        if item is None:
            due = self.lanes.due()
            assert due is None or due > self.now
            return
        assert all(item.addresses.isdisjoint(other.addresses) for other in self.posting)
        before = self.added[: self.added.index((item.stream, item.seq))]
        waiting = {one for one in before if one[1] not in self.settled[one[0]]}
        mine = set(self.items[item.stream][item.seq - 1] or [""])
        assert all(mine.isdisjoint(self.items[stream][seq - 1] or [""]) for stream, seq in waiting)
        self.posting.append(item)

    @rule(choice=st.integers(0, 100))
    def answered(self, choice: int) -> None:
        if self.posting:
            item = self.posting.pop(choice % len(self.posting))
            self.settled[item.stream].add(item.seq)
            self.cursors[item.stream] = self.lanes.settle(item)
            self.lanes.release(item)

    @rule(choice=st.integers(0, 100), pause=st.floats(0.5, 5))
    def failed(self, choice: int, pause: float) -> None:
        if self.posting:
            self.lanes.postpone(self.posting.pop(choice % len(self.posting)), self.now + pause)

    @rule()
    def time_passes(self) -> None:
        self.now += 1

    @rule()
    def wake(self) -> None:
        self.lanes.wake()

    @invariant()
    def the_cursor_is_a_settled_prefix(self) -> None:
        held = 0
        for stream, items in self.items.items():
            open_ones = [
                seq for seq, item in enumerate(items, 1) if item is not None and seq not in self.settled[stream]
            ]
            first_open = open_ones[0] if open_ones else len(items) + 1
            assert self.lanes.settled(stream) == first_open - 1
            assert self.lanes.ahead(stream) == len(items) - (first_open - 1) - len(open_ones)
            assert self.cursors[stream] < first_open
            held += len(open_ones)
        assert self.lanes.held == held

    def teardown(self) -> None:
        """Every item is posted in the end."""
        self.now += 1000
        while self.lanes.held:
            self.post(fresh_first=False)
            self.answered(0)


TestLanes = LanesAndModel.TestCase
TestLanes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(
    ("timeout", "answers", "posts"),
    [
        (30.0, [], 1),
        (30.0, [0.01], 8),
        (30.0, [1.0], 8),
        (30.0, [5.0], 4),
        (5.0, [0.5], 8),
        (5.0, [1.0], 4),
        (5.0, [3.0], 1),
        (30.0, [0.01, 30.0], 1),
        (30.0, [30.0] + [0.01] * 11, 8),
    ],
)
def test_a_receiver_that_serves_one_at_a_time_would_answer_all_posts_in_time(
    timeout: float, answers: list[float], posts: int
) -> None:
    width = LaneWidth(WebhookLimits(), timeout)
    for seconds in answers:
        width.note(seconds)
    assert width.posts == posts
    assert width.posts == 1 or width.posts * answers[-1] < timeout
