"""The retained status payloads of a session and of a bridge."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bridge.contract.budget import SendBudget
from bridge.contract.limits import AccountLimits
from bridge.contract.payload import VERSION, Instant, Payload, is_none
from bridge.contract.session import REASON_TEXT, Reason, SessionState

#: Seconds between two statuses. A will can be lost, so a reader takes a status as offline after `_MISSED` intervals.
HEARTBEAT = 15
_MISSED = 3


class Queues(Payload):
    """Queue lengths: commands without a final result, inbound messages not yet on MQTT."""

    out: int = Field(description="commands without a final result")
    in_: int = Field(alias="in", description="journalled items that are not published yet")


class MemoryUse(Payload):
    """Megabytes (proportional set size): this session's browser, the browser's shared driver, the bridge's process."""

    browser_mb: int = Field(description="this session's browser")
    driver_mb: int = Field(description="the browser driver that all sessions share")
    bridge_mb: int = Field(description="the bridge's process")


def _of_earlier_versions(budget: object) -> object:
    """A number, which bridges before the second budget published, and brokers may still retain."""
    return None if isinstance(budget, int) else budget


class SessionStatus(Payload):
    """`<prefix>/<session>/status`, retained: the session's state."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    state: SessionState = Field(description="see the table of states")
    reason: Reason = Field(description="stable code for the state's cause")
    text: str = Field(description="what the operator should do")
    since: Instant = Field(description="when the state began")
    at: Instant = Field(description="when this was published; older than three intervals counts as offline")
    interval: int = Field(default=HEARTBEAT, description="seconds between two heartbeats")
    owner: str = Field(description="the bridge that runs the session")
    epoch: str | None = Field(default=None, description="UUID of the session's store; a new one begins new streams")
    first_seq: int | None = Field(default=None, description="oldest item of `in` that is kept")
    last_seq: int = Field(default=0, description="newest item of `in`")
    last_event_seq: int = Field(default=0, description="newest item of `event`")
    last_inbound: Instant | None = Field(default=None, description="when the newest message was journalled")
    queue: Queues | None = Field(default=None, description="what is waiting")
    budget: Annotated[
        SendBudget | None,
        Field(description="what may be sent now; null without pacing, limit and quiet hours"),
        BeforeValidator(_of_earlier_versions),
    ] = None
    limits: AccountLimits | None = Field(
        default=None, exclude_if=is_none, description="what WhatsApp limits; missing where nothing is known to be"
    )
    memory: MemoryUse | None = Field(default=None, description="megabytes (proportional set size)")
    sends: list[str] | None = Field(default=None, description="the content fields that a command may carry here")

    @property
    def stale_after(self) -> int:
        """Seconds of silence after which the bridge that wrote this counts as offline."""
        return self.interval * _MISSED

    def is_stale(self, now: datetime) -> bool:
        """Whether the bridge that wrote this has been silent too long; then it counts as offline."""
        return (now - self.at).total_seconds() > self.stale_after

    def as_gone(self) -> SessionStatus:
        """This status as a reader should take it when the bridge that wrote it is silent."""
        gone = Reason.BRIDGE_GONE
        return self.model_copy(update={"state": SessionState.OFFLINE, "reason": gone, "text": REASON_TEXT[gone]})


class BridgeStatus(Payload):
    """`<prefix>/bridge/<instance>/status`, retained: a bridge process."""

    v: Literal[1] = VERSION
    instance: str = Field(description="WA_INSTANCE, with a suffix where another bridge has this name")
    state: Literal["online", "offline"] = Field(description="`offline` is set by the will")
    version: str = Field(description="the bridge's version")
    driver: str | None = Field(
        default=None, exclude_if=is_none, description="the driver with the versions that it runs, for a person"
    )
    started_at: Instant = Field(description="when the process started")
    configured: list[str] | None = Field(
        default=None, exclude_if=is_none, description="the names in WA_SESSIONS; services find their bridges by them"
    )
    sessions: dict[str, SessionState] = Field(description="state of each session that it runs, standby included")
    standby: dict[str, str] | None = Field(
        default=None, exclude_if=is_none, description="why each session in standby does not run here, for a person"
    )
    at: Instant = Field(description="when this was published")
    owner: str | None = Field(default=None, exclude_if=is_none, description="as in its sessions' statuses")
    interval: int = Field(default=HEARTBEAT, description="seconds between two heartbeats")
