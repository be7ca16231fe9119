"""The rules by which one of several bridges owns a session, over a broker that cannot compare and set. Pure.

Claims of a session travel on one retained topic. A bridge counts time on its own clock only:

- An owner may drive until `duration - margin` after it *sent* the last claim that came back to it through the broker.
- A bridge claims the session only after `duration` without any claim of another since it *received* the last one, on a
  connection that was up all that time. What an owner relies on was sent before it was received, so the owner has ended.
- A claimant starts only after its claim came back and `settle` has passed. What it hears of another bridge between
  sending and starting ends the attempt: the other's claim may stand before its own. Only a later claim of a bridge
  behind it in the placement does not. `settle` is longer than `renewal`, so that an owner that a broker showed too late
  is heard once more.
- An owner that hears a higher claim stops at once. It repeats its own at once after a lower one, which is the retained
  one by then: its bridge would find it after a connect and take the session back.
- A bridge claims nothing while its last claim has not come back: it would claim from what is long past.

A released claim says that its owner has closed the session, and a bridge's own `owned` claim says that no other came
later. Both may be followed without the wait, where this connection has delivered them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from bridge.contract.leases import ClaimState


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds. A take-over takes `duration + settle`, `stagger` for each bridge before, and a browser's start."""

    #: From the last claim until another bridge may claim. It outlasts most stalls of a cluster (6 to 13 s, measured).
    duration: float = 21.0
    renewal: float = 5.0
    settle: float = 6.0
    #: By which an owner stops early: clocks run at different speeds, and killing a browser takes time.
    margin: float = 1.0
    #: Before its end at which an owner that cannot renew begins to close its browser cleanly.
    closing: float = 4.0
    #: Between the attempts of two bridges that could both take the session over.
    stagger: float = 2.5
    #: For the broker to deliver a retained claim after a connect.
    retained: float = 2.0
    #: In which a person's request to run the session here stands, while its owner closes it.
    request: float = 180.0


@dataclass(frozen=True, slots=True)
class OwnerClaim:
    """A claim as it travels. `to` names the bridge that a released session is for."""

    owner: str
    term: int
    renewal: int = 0
    state: ClaimState = ClaimState.CLAIMED
    to: str | None = None


class LeaseRole(StrEnum):
    """What this bridge is for the session."""

    WATCHING = "watching"
    CLAIMING = "claiming"
    OWNING = "owning"


def placement(session: str, bridges: tuple[str, ...]) -> tuple[str, ...]:
    """The bridges in the order in which they should run `session`.

    Rendezvous hashing: it spreads sessions evenly, is the same on every bridge, and a bridge that is added or removed
    moves no session between two others.
    """
    return tuple(sorted(bridges, key=lambda name: sha256(f"{session}\0{name}".encode()).digest()))


def may_claim(
    last: OwnerClaim | None, *, owner: str, order: tuple[str, ...], has_login: bool, requested: bool = False
) -> bool:
    """Whether the bridge `owner` should run a session once it is free. `last` is the newest claim that is known.

    A bridge without a login would show a QR code while another has one. It runs the session only where it ran it
    before, where it is the first in the placement and no bridge has run it yet, or where a person `requested` it.
    """
    instance = owner.rpartition(":")[0]
    if requested:
        return True
    if last is not None and last.state is ClaimState.RELEASED and last.to is not None:
        return has_login and last.to == instance
    if has_login:
        return True
    return instance == order[0] if last is None else last.owner == owner


class SessionLease:
    """The lease of one session, as one bridge sees it. `now` is always seconds of a clock that never jumps."""

    def __init__(self, owner: str, order: tuple[str, ...], times: LeaseTimes) -> None:
        """`owner` is `<instance>:<mark>`, `order` the session's `placement`."""
        self._owner = owner
        self._order = order
        self._times = times
        self.role = LeaseRole.WATCHING
        #: The newest claim that was heard on any connection, of any bridge.
        self.last: OwnerClaim | None = None
        #: The owner before this one, if it was another: what it did is not known here.
        self.before: str | None = None
        self._known: OwnerClaim | None = None  # the newest claim that this connection has delivered
        self._quiet_since: float | None = None  # since when no other was heard; None while not connected
        self._connected_at = 0.0
        self._claim = OwnerClaim(owner, 0)
        self._sent: dict[int, float] = {}  # by renewal: when it was sent; those that have not come back
        self._renew_at = 0.0
        self._echoed_at: float | None = None
        self._valid_until = float("-inf")

    def holds(self, now: float) -> bool:
        """Whether this bridge may drive the session at this moment."""
        return self.role is LeaseRole.OWNING and now < self._valid_until

    @property
    def ends_at(self) -> float:
        """When the driver must have ended, unless a renewal comes back before."""
        return self._valid_until

    def must_close(self, now: float) -> bool:
        """Whether the driver must be closed: the claim was lost, or could not be renewed for too long."""
        return self.role is not LeaseRole.OWNING or now >= self._valid_until - self._times.closing

    def connected(self, now: float) -> None:
        """The subscription is granted; retained claims follow."""
        self._quiet_since = self._connected_at = now
        self._known = None
        self._sent.clear()
        self._renew_at = now

    def disconnected(self) -> None:
        """The connection is gone: nothing is known of the others. An owner goes on until its time is over."""
        self._quiet_since = None
        if self.role is LeaseRole.CLAIMING:
            self.role = LeaseRole.WATCHING

    def heard(self, claim: OwnerClaim, now: float) -> None:
        """A claim came from the broker, own ones included."""
        if claim.owner == self._owner:
            self._heard_own(claim, now)
            return
        if self.role is LeaseRole.OWNING and not self._is_higher(claim):
            self._renew_at = now
            return
        if self.role is LeaseRole.OWNING:  # the claimant has counted to the end, and waits only for `settle`
            self._valid_until = min(self._valid_until, now + self._times.closing - self._times.margin)
        if self.role is LeaseRole.CLAIMING and self._echoed_at is not None and self._is_behind(claim):
            return  # it came later and hears this bridge's claim first
        self.role = LeaseRole.WATCHING
        self._quiet_since = now
        self._note(claim)

    def _is_higher(self, claim: OwnerClaim) -> bool:
        """Whether `claim` ends an owner's. One of the same term that is no owner's yet was sent before its bridge heard
        this one's claims."""
        if claim.term == self._claim.term:
            return claim.state is not ClaimState.CLAIMED and claim.owner > self._owner
        return claim.term > self._claim.term

    def _is_behind(self, claim: OwnerClaim) -> bool:
        attempt = claim.state is ClaimState.CLAIMED and claim.term <= self._claim.term
        return attempt and self._rank(claim.owner) > self._rank(self._owner)

    def _rank(self, owner: str) -> int:
        instance = owner.rpartition(":")[0]
        return self._order.index(instance) if instance in self._order else len(self._order)

    def dropped(self, claim: OwnerClaim) -> None:
        """This bridge's `claim` was not published, or the broker refused it: it will not come back."""
        if claim.term == self._claim.term:
            self._sent.pop(claim.renewal, None)

    def _heard_own(self, claim: OwnerClaim, now: float) -> None:
        sent = self._sent.pop(claim.renewal, None) if claim.term == self._claim.term else None
        if self.role is LeaseRole.OWNING or sent is None or claim.term >= self._top:
            self._note(claim)
        if sent is None or self.role is LeaseRole.WATCHING:
            return
        valid_until = sent + self._times.duration - self._times.margin
        if self.role is LeaseRole.CLAIMING:
            self._echoed_at = now if self._echoed_at is None else self._echoed_at
            self._valid_until = valid_until
        elif now < self._valid_until:
            self._valid_until = max(self._valid_until, valid_until)

    def _note(self, claim: OwnerClaim) -> None:
        self._known = claim
        if self.last is None or claim.term >= self.last.term:
            self.last = claim

    @property
    def _top(self) -> int:
        return max(self._claim.term, self.last.term if self.last else 0)

    def free_at(self) -> float | None:
        """When this bridge may claim the session, as far as is known; None while it is not connected."""
        if self._quiet_since is None:
            return None
        delivered, stagger = self._connected_at + self._times.retained, self._rank(self._owner) * self._times.stagger
        known = self._known
        if known is not None and known.term >= self._top:
            if known.state is ClaimState.RELEASED:
                return max(delivered, self._quiet_since) + stagger
            if known.owner == self._owner and known.state is ClaimState.OWNED:
                return delivered
        return self._quiet_since + self._times.duration + stagger

    def step(self, now: float, *, eligible: bool) -> OwnerClaim | None:
        """The claim to publish now, if any. Call it often. `eligible`: this bridge should run the session if it may."""
        if self.role is LeaseRole.OWNING:
            if now < self._valid_until:
                return self._repeat(now)
            self.role = LeaseRole.WATCHING
            return None
        if self.role is LeaseRole.CLAIMING:
            return self._step_claiming(now)
        free_at = None if self._sent else self.free_at()
        if not eligible or free_at is None or now < free_at:
            return None
        self.before = None if self.last is None or self.last.owner == self._owner else self.last.owner
        self.role, self._echoed_at = LeaseRole.CLAIMING, None
        self._claim = OwnerClaim(self._owner, self._top + 1)
        self._sent = {0: now}
        self._renew_at = now + self._times.renewal
        return self._claim

    def _step_claiming(self, now: float) -> OwnerClaim | None:
        if self._echoed_at is None:
            return None if self._sent else self._repeat(now)
        if now >= self._valid_until:
            self.role = LeaseRole.WATCHING
            return None
        if now >= self._echoed_at + self._times.settle:
            self.role, self._renew_at = LeaseRole.OWNING, now
            self._claim = replace(self._claim, state=ClaimState.OWNED)
        return self._repeat(now)

    def _repeat(self, now: float) -> OwnerClaim | None:
        if self._quiet_since is None or now < self._renew_at or now < self._connected_at + self._times.retained:
            return None
        self._claim = replace(self._claim, renewal=self._claim.renewal + 1)
        self._sent[self._claim.renewal] = now
        self._renew_at = now + self._times.renewal
        return self._claim

    def release(self, to: str | None = None) -> OwnerClaim | None:
        """Give the session up; its driver has ended. Returns the claim to publish; None where this bridge has none."""
        known = self.last
        self.role, self._valid_until = LeaseRole.WATCHING, float("-inf")
        if known is None or known.owner != self._owner or known.term != self._claim.term:
            return None
        if self._claim.state is not ClaimState.OWNED:
            return None
        self._claim = replace(self._claim, renewal=self._claim.renewal + 1, state=ClaimState.RELEASED, to=to)
        return self._claim
