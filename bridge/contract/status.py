"""The retained payloads that tell how a session and a bridge are."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bridge.contract.payload import VERSION, Instant, Payload
from bridge.contract.session import REASON_TEXT, Reason, SessionState

#: Seconds between two statuses; a reader takes one older than STALE_AFTER as offline, since a will can be lost.
HEARTBEAT, STALE_AFTER = 15, 45


class Queues(Payload):
    """What waits: commands without a final result, inbound messages not yet on MQTT."""

    out: int
    in_: int = Field(alias="in")


class MemoryUse(Payload):
    """Megabytes (proportional set size): this session's browser, the browser's shared driver, the bridge's process."""

    browser_mb: int
    driver_mb: int
    bridge_mb: int


class SessionStatus(Payload):
    """`<prefix>/<session>/status`."""

    v: Literal[1] = VERSION
    session: str
    state: SessionState
    reason: Reason
    text: str
    since: Instant
    at: Instant
    interval: int = HEARTBEAT
    owner: str
    epoch: str | None = None
    first_seq: int | None = None
    last_seq: int = 0
    last_event_seq: int = 0
    last_inbound: Instant | None = None
    queue: Queues | None = None
    budget: int | None = None
    memory: MemoryUse | None = None
    sends: list[str] | None = Field(default=None, description="the content fields that a command may carry here")

    def is_stale(self, now: datetime) -> bool:
        """Whether the bridge that wrote this has been silent too long; then it counts as offline."""
        return (now - self.at).total_seconds() > STALE_AFTER

    def seen_at(self, now: datetime) -> SessionStatus:
        """This status as a reader should take it at `now`: `offline` when the heartbeat is old."""
        if not self.is_stale(now) or self.state in (SessionState.OFFLINE, SessionState.STOPPED):
            return self
        gone = Reason.BRIDGE_GONE
        return self.model_copy(update={"state": SessionState.OFFLINE, "reason": gone, "text": REASON_TEXT[gone]})


class BridgeStatus(Payload):
    """`<prefix>/bridge/<instance>/status`."""

    v: Literal[1] = VERSION
    instance: str
    state: Literal["online", "offline"]
    version: str
    started_at: Instant
    sessions: dict[str, SessionState] = Field(description="state of each configured session, standby included")
    at: Instant
    interval: int = HEARTBEAT
