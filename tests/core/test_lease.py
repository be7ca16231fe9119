"""The lease of a session in virtual time: partitions, freezes, delays and clocks that differ; never two owners."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.leases import ClaimState
from bridge.core.lease import LeaseRole, LeaseTimes, OwnerClaim, SessionLease, placement

TIMES = LeaseTimes()
TICK = 0.5
#: Seconds after which a broker closes a connection that carries nothing: 1.5 times its keep-alive.
KEEP_ALIVE = 9.0
BRIDGES = ("centre", "north", "south")


@dataclass
class Node:
    """A bridge: its lease, its clock, and its connection to the broker."""

    name: str
    offset: float
    rate: float
    login: bool = True
    lease: SessionLease = field(init=False)
    up: bool = False
    linked: bool = True
    frozen: bool = False
    alive: bool = True
    stalled_since: float | None = None
    back_at: float = 0.0
    to_broker: deque[tuple[float, OwnerClaim]] = field(default_factory=deque)
    from_broker: deque[tuple[float, OwnerClaim]] = field(default_factory=deque)
    drives_until: float = float("-inf")

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.lease = SessionLease(f"{self.name}:mark", placement("haby", BRIDGES), TIMES)

    def clock(self, now: float) -> float:
        return self.offset + now * self.rate


class World:
    """A broker that keeps the order of claims, and bridges. What a connection has under way dies with it."""

    def __init__(self, nodes: list[Node], *delays: float) -> None:
        """`delays`: seconds from each bridge to the broker, and back."""
        self.now, self.nodes = 0.0, nodes
        self.delays = {node.name: delay for node, delay in zip(nodes, delays, strict=True)}
        self.retained: OwnerClaim | None = None

    def cut(self, node: Node) -> None:
        node.up = False
        node.to_broker.clear()
        node.from_broker.clear()

    def tick(self) -> None:
        self.now += TICK
        for node in self.nodes:
            if node.stalled_since is not None and self.now >= node.stalled_since + KEEP_ALIVE:
                node.lease.disconnected()
                self.cut(node)
            while node.to_broker and node.to_broker[0][0] <= self.now and node.linked and node.stalled_since is None:
                self.retained = node.to_broker.popleft()[1]
                for other in self.nodes:
                    if other.up:
                        other.from_broker.append((self.now + self.delays[other.name], self.retained))
        for node in self.nodes:
            if node.alive and not node.frozen:
                self.run(node)

    def run(self, node: Node) -> None:
        now = node.clock(self.now)
        if node.up and not node.linked:
            node.lease.disconnected()
            self.cut(node)
        if not node.up and node.linked and self.now >= node.back_at and node.stalled_since is None:
            node.up = True
            node.lease.connected(now)
            if self.retained is not None:
                node.from_broker.append((self.now + self.delays[node.name], self.retained))
        while node.from_broker and node.from_broker[0][0] <= self.now and node.stalled_since is None:
            node.lease.heard(node.from_broker.popleft()[1], now)
        if (claim := node.lease.step(now, eligible=node.login)) is not None and node.up:
            node.to_broker.append((self.now + self.delays[node.name], claim))

    def driving(self) -> list[str]:
        """Who drives at this moment: a frozen bridge's browser goes on until the watchdog ends it at the deadline."""
        return [
            node.name
            for node in self.nodes
            if node.alive and node.lease.role is LeaseRole.OWNING and node.clock(self.now) < node.lease.ends_at
        ]

    def until_owned(self, limit: float) -> str:
        began = self.now
        while not self.driving():
            assert self.now - began <= limit, "no bridge takes the session over"
            self.tick()
            assert len(self.driving()) <= 1
        return self.driving()[0]


def world(delay: float = 0.0, **logins: bool) -> World:
    nodes = [Node(name, 1000.0 * number, 1.0, logins.get(name, True)) for number, name in enumerate(BRIDGES)]
    return World(nodes, *[delay] * 3)


EVENTS = (
    "cut",
    "heal",
    "stall",
    "flow",
    "freeze",
    "wake",
    "kill",
    "start",
    "broker down",
    "broker forgets",
    "wait",
    "wait long",
    "release",
)


@settings(max_examples=120, deadline=None)
@given(
    events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 2), st.integers(1, 60)), max_size=40),
    delays=st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, 4.0, 10.0, 30.0])] * 3),
    rates=st.tuples(*[st.floats(0.985, 1.015)] * 3),
)
def test_never_two_owners(
    events: list[tuple[str, int, int]], delays: tuple[float, float, float], rates: tuple[float, float, float]
) -> None:
    nodes = [Node(name, 5000.0 * i, rate) for i, (name, rate) in enumerate(zip(BRIDGES, rates, strict=True))]
    scene = World(nodes, *delays)
    for event, which, ticks in events:
        node = nodes[which]
        match event:
            case "cut":
                node.linked = False
            case "heal":
                node.linked = True
            case "stall" if node.up:  # nothing travels in either direction, and the connection stands
                node.stalled_since = scene.now
            case "flow":
                node.stalled_since = None
            case "freeze":
                node.frozen = True
            case "wake":
                node.frozen = False
            case "kill":
                node.alive = False
                scene.cut(node)
            case "start" if not node.alive:
                node.alive, node.frozen = True, False
                node.start()
            case "broker down":
                for one in nodes:
                    one.back_at = scene.now + 3.0
                    if one.up and not one.frozen:
                        one.lease.disconnected()
                        scene.cut(one)
            case "broker forgets" if scene.driving():
                scene.retained = None  # started without a database; the owner's next claim comes in time
            case "release" if node.lease.holds(node.clock(scene.now)) and node.up and node.linked and not node.frozen:
                released = node.lease.release()
                if released is not None:
                    node.to_broker.append((scene.now + delays[which], released))
        for _ in range(ticks * (4 if event == "wait long" else 1)):
            scene.tick()
            assert len(scene.driving()) <= 1, f"{scene.driving()} at {scene.now}"
    for node in nodes:
        node.linked, node.frozen, node.stalled_since = True, False, None
        if not node.alive:
            node.alive = True
            node.start()
    if max(delays) <= 1:
        scene.until_owned(2 * 45)


def test_an_owner_that_disappears_is_followed_within_45_s() -> None:
    for fault in ("kill", "cut", "freeze"):
        scene = world(0.5)
        owner = scene.until_owned(60)
        node = next(one for one in scene.nodes if one.name == owner)
        if fault == "kill":
            node.alive = False
            scene.cut(node)
        node.linked, node.frozen = fault != "cut", fault == "freeze"
        began = scene.now
        while owner in scene.driving():
            scene.tick()
        assert scene.until_owned(45) != owner
        assert scene.now - began <= 45 - 8  # a browser starts in less than 8 s


def test_a_standby_without_a_login_never_takes_over_and_the_revived_owner_gets_its_session_back() -> None:
    scene = world(north=False, south=False)
    owner = next(one for one in scene.nodes if one.name == scene.until_owned(60))
    owner.frozen = True
    for _ in range(400):
        scene.tick()
        assert scene.driving() in ([], ["centre"])
    assert scene.driving() == []
    owner.frozen = False
    assert scene.until_owned(12) == "centre"


def test_a_released_session_is_taken_at_once() -> None:
    scene = world()
    owner = next(one for one in scene.nodes if one.name == scene.until_owned(60))
    released = owner.lease.release("south")
    assert released is not None
    assert (released.state, released.to) == (ClaimState.RELEASED, "south")
    owner.login = False
    owner.to_broker.append((scene.now, released))
    began = scene.now
    assert scene.until_owned(20) != owner.name
    assert scene.now - began < TIMES.settle + 3 * TIMES.stagger + 2


def test_the_owner_is_a_stranger_to_what_another_did_before() -> None:
    lease = SessionLease("north:1", BRIDGES, TIMES)
    lease.connected(0.0)
    lease.heard(OwnerClaim("south:2", 4, 3, ClaimState.RELEASED), 0.1)
    claim = lease.step(9.0, eligible=True)
    assert claim is not None
    assert (claim.term, lease.before) == (5, "south:2")


def test_placement_moves_only_what_must_move() -> None:
    sessions = [f"s{number}" for number in range(300)]
    homes = {session: placement(session, BRIDGES)[0] for session in sessions}
    assert all(60 < list(homes.values()).count(name) < 140 for name in BRIDGES)
    without = {session: placement(session, ("centre", "north"))[0] for session in sessions}
    assert all(without[session] == home for session, home in homes.items() if home != "south")


def test_an_owner_counts_from_what_it_sent_not_from_what_came_back() -> None:
    lease = SessionLease("north:1", BRIDGES, TIMES)
    lease.connected(0.0)
    lease.heard(OwnerClaim("south:2", 1, 0, ClaimState.RELEASED), 0.1)
    claim = lease.step(9.0, eligible=True)
    assert claim is not None
    lease.heard(claim, 18.0)
    lease.step(18.0 + TIMES.settle, eligible=True)
    assert lease.role is LeaseRole.OWNING
    assert lease.ends_at == 9.0 + TIMES.duration - TIMES.margin
    assert not lease.holds(lease.ends_at)


def test_what_an_earlier_broker_forgot_is_not_taken_for_free() -> None:
    """After a restart of the broker with an old database its retained claim is older than what is known."""
    lease = SessionLease("north:1", BRIDGES, TIMES)
    lease.connected(0.0)
    lease.heard(OwnerClaim("south:2", 7, 3, ClaimState.OWNED), 0.1)
    lease.disconnected()
    lease.connected(5.0)
    lease.heard(OwnerClaim("north:1", 6, 2, ClaimState.OWNED), 5.1)
    assert lease.step(5.1 + TIMES.duration - 1, eligible=True) is None


def owning(owner: str, since: str) -> SessionLease:
    """A bridge that has owned the session since second 9, after `since` released it in term 1."""
    lease = SessionLease(owner, BRIDGES, TIMES)
    lease.connected(0.0)
    lease.heard(OwnerClaim(since, 1, 0, ClaimState.RELEASED), 0.1)
    claim = lease.step(9.0, eligible=True)
    assert claim is not None
    lease.heard(claim, 9.0)
    owned = lease.step(9.0 + TIMES.settle, eligible=True)
    assert owned is not None
    assert lease.role is LeaseRole.OWNING
    lease.heard(owned, 9.0 + TIMES.settle)
    return lease


def test_an_owner_overwrites_a_late_claim_of_an_earlier_owner_at_once() -> None:
    """The late claim is the retained one now: its bridge would find it after a connect and take the session back."""
    lease = owning("north:1", "south:2")
    now = 9.0 + TIMES.settle + 1
    assert lease.step(now, eligible=True) is None
    lease.heard(OwnerClaim("south:2", 1, 9, ClaimState.OWNED), now)
    claim = lease.step(now, eligible=True)
    assert claim is not None
    assert (claim.owner, claim.term, claim.state) == ("north:1", 2, ClaimState.OWNED)


def test_an_owner_does_not_yield_to_a_claimant_that_has_not_heard_it_yet() -> None:
    lease = owning("centre:1", "south:2")
    now = 9.0 + TIMES.settle + 1
    lease.heard(OwnerClaim("south:2", 2, 0, ClaimState.CLAIMED), now)
    assert lease.holds(now)
    lease.heard(OwnerClaim("south:2", 3, 0, ClaimState.CLAIMED), now)
    assert not lease.holds(now)


def test_a_bridge_does_not_claim_over_a_connection_that_delivers_nothing() -> None:
    lease = owning("north:1", "south:2")
    now = 9.0 + TIMES.settle
    claims = []
    while now < 200.0:
        now += 0.5
        claim = lease.step(now, eligible=True)
        if claim is not None:
            claims.append((claim.term, now))
    assert claims
    assert all(term == 2 and at < 9.0 + TIMES.settle + TIMES.duration for term, at in claims)
    lease.disconnected()
    lease.connected(now)
    assert lease.step(now + TIMES.retained + 1, eligible=True) is None
    claim = lease.step(now + TIMES.duration + 3 * TIMES.stagger, eligible=True)
    assert claim is not None
    assert claim.term == 3


def test_a_bridge_whose_claims_the_broker_refused_claims_again() -> None:
    lease = owning("north:1", "south:2")
    now = 9.0 + TIMES.settle
    heard_at = None
    while now < 90.0:
        now += 0.5
        claim = lease.step(now, eligible=True)
        if claim is not None and now < 60.0:
            lease.dropped(claim)
        elif claim is not None:
            lease.heard(claim, now)
            heard_at = heard_at or now
    assert heard_at is not None
    assert heard_at <= 60.0 + TIMES.renewal
    assert lease.holds(now)
