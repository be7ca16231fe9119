"""What an accepted command waits for, and until about when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bridge.contract.payload import Instant, Payload


class WaitReason(StrEnum):
    """What a command waits for."""

    NOT_CONNECTED = "not_connected"
    CHAT_PACE = "chat_pace"
    SESSION_PACE = "session_pace"
    EARLIER_MESSAGE = "earlier_message"
    FILE = "file"
    RETRY = "retry"
    REACH_OUT_LOCK = "reach_out_lock"


WAIT_TEXT = {
    WaitReason.NOT_CONNECTED: "the connection to WhatsApp",
    WaitReason.CHAT_PACE: "the pace of this chat",
    WaitReason.SESSION_PACE: "the pace of the session",
    WaitReason.EARLIER_MESSAGE: "the message before it in this chat",
    WaitReason.FILE: "its file",
    WaitReason.RETRY: "the next attempt",
    WaitReason.REACH_OUT_LOCK: "the end of WhatsApp's lock of messages to people who never wrote",
}


class Waiting(Payload):
    """Why an accepted command is not sent yet. `until` is an estimate: a person's message may go first."""

    reason: WaitReason = Field(
        description="`chat_pace`: WA_PACE_CHAT, `session_pace`: WA_PACE; `reach_out_lock`: `status.limits`"
    )
    until: Instant | None = Field(description="about when it is sent; null when time alone does not end the wait")

    def sentence(self, now: datetime) -> str:
        """For example "waits for the pace of this chat, about 40 s"."""
        seconds = 0 if self.until is None else round((self.until - now).total_seconds())
        return f"waits for {WAIT_TEXT[self.reason]}" + (f", about {seconds} s" if seconds > 0 else "")
