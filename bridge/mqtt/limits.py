"""Times of a session on MQTT."""

from __future__ import annotations

from dataclasses import dataclass

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
