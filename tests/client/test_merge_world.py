"""The merge in simulated worlds: whatever a broker loses, repeats or reorders, a reader gets everything once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.client.merge import Gap, GapReason, Merge
from bridge.contract.messages import ReplayEnd
from bridge.contract.replays import ReplayRequest
from tests.client.test_merge import end, merging, popped


@dataclass
class World:
    """A journal behind a broker that loses, repeats and reorders between topics; seeded, so runs are reproducible."""

    random: random.Random
    loss: float
    journal: int = 0
    epoch: str = "A"
    queues: dict[str, list[object]] = field(default_factory=lambda: {"in": [], "replay": [], "status": []})

    def arrive(self) -> None:
        self.journal += 1
        self.put("in", (self.epoch, self.journal))

    def put(self, topic: str, item: object) -> None:
        if self.random.random() >= self.loss:
            self.queues[topic].append(item)
            if self.random.random() < 0.1:
                self.queues[topic].append(item)

    def answer(self, request: ReplayRequest) -> None:
        after = request.after.seq if request.after and request.after.epoch == self.epoch else 0
        sent = min(self.journal, after + request.limit)
        for seq in range(after + 1, sent + 1):
            self.put("replay", (self.epoch, seq))
        self.put(
            "replay",
            end(request, 1 if self.journal else None, self.journal, sent if sent < self.journal else None, self.epoch),
        )

    def deliver(self, merge: Merge[str], now: float) -> None:
        waiting = [topic for topic, queue in self.queues.items() if queue]
        if not waiting:
            return
        topic = self.random.choice(waiting)
        item = self.queues[topic].pop(0)
        if topic == "status":
            assert isinstance(item, tuple)
            merge.take_status(item[0], item[1], now, away=False)
        elif isinstance(item, ReplayEnd):
            merge.take_end(item, now)
        else:
            assert isinstance(item, tuple)
            merge.take(item[0], item[1], f"{item[0]}{item[1]}", now, replayed=topic == "replay")


@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.05, 0.3]), resets=st.booleans())
@settings(max_examples=200, deadline=None)
def test_everything_once_and_in_order(seed: int, loss: float, resets: bool) -> None:
    world = World(random.Random(seed), loss)
    merge = merging(limit=20, page=7)
    merge.resubscribed(0)
    now, got, written = 0.0, [], []
    for step in range(600):
        now += world.random.choice([0.01, 0.5])
        for _ in range(world.random.randrange(3)):
            world.deliver(merge, now)
        if step < 300:
            match world.random.randrange(12):
                case 0 | 1 | 2 | 3:
                    world.arrive()
                    written.append(f"{world.epoch}{world.journal}")
                case 4 if world.random.random() < 0.1:
                    for queue in world.queues.values():
                        queue.clear()
                    merge.resubscribed(now)
                case 5 if resets and world.random.random() < 0.05:
                    world.epoch, world.journal = chr(ord(world.epoch) + 1), 0
        if step % 4 == 0:
            world.put("status", (world.epoch, world.journal))
        if (request := merge.request(now)) is not None and world.random.random() >= loss:
            world.answer(request)
        got += popped(merge)
    world.loss = 0
    for _ in range(3000):
        now += 1
        if now % 15 < 1:
            world.put("status", (world.epoch, world.journal))
        world.deliver(merge, now)
        if (request := merge.request(now)) is not None:
            world.answer(request)
        got += popped(merge)
    items = [item for item in got if not isinstance(item, Gap)]
    assert len(items) == len(set(items))
    assert items == [item for item in written if item in set(items)]  # in order
    reported = {
        f"{gap.after.epoch}{seq}"
        for gap in got
        if isinstance(gap, Gap) and gap.reason is GapReason.LOST
        for seq in range(gap.before.seq + 1, gap.after.seq + 1)
    }
    missing = {item for item in written if item.startswith(world.epoch)} - set(items)
    assert missing <= reported
    if loss < 0.3:  # five pages in a row without the same item are out of reach then
        assert missing == set()
    epochs = [gap.after.epoch for gap in got if isinstance(gap, Gap) and gap.reason is GapReason.NEW_EPOCH]
    assert epochs == sorted(set(epochs))  # a late status does not switch a reader back
    assert not epochs or epochs[-1] == world.epoch
