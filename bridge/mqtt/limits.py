"""Times and numbers of a session on MQTT. Tests pass other values."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.contract.backoff import Backoff
from bridge.contract.status import HEARTBEAT


@dataclass(frozen=True, slots=True)
class MqttLimits:
    """All durations are seconds."""

    #: Between two statuses when nothing changes.
    heartbeat: float = HEARTBEAT
    #: Between two statuses that differ only in figures, not in state.
    figures: float = 1.0
    #: For the broker to deliver a retained status; without one the session has no owner.
    retained: float = 2.0
    #: For a heartbeat of an owner whose status is old by the local clock: the clocks may differ.
    owner_heartbeat: float = HEARTBEAT + 3.0
    #: For the responder to confirm a switch.
    switch: float = 5.0
    #: Between two tries of what the broker refuses: the longest is how late a mended ACL is noticed.
    refused: Backoff = field(default_factory=lambda: Backoff(1.0, 15.0))
    #: Until the first report on how far a long request is, and between two of them.
    first_progress: float = 1.0
    progress: float = 5.0
    #: Replays that are carried out at once; more are refused.
    replays: int = 100
    #: Items of one turn of a replay: a long page does not keep other readers waiting.
    replay_turn: int = 200
