"""What an accepted command waits for, and until about when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from bridge.contract.payload import Instant, Payload, is_none


class WaitReason(StrEnum):
    """What a command waits for."""

    NOT_CONNECTED = "not_connected"
    CHAT_PACE = "chat_pace"
    SESSION_PACE = "session_pace"
    EARLIER_MESSAGE = "earlier_message"
    FILE = "file"
    RETRY = "retry"
    REACH_OUT_LOCK = "reach_out_lock"
    FIRST_MESSAGE_PACE = "first_message_pace"
    FIRST_MESSAGES_PER_DAY = "first_messages_per_day"
    SEND_AT = "send_at"
    QUIET_HOURS = "quiet_hours"


WAIT_TEXT = {
    WaitReason.NOT_CONNECTED: "the connection to WhatsApp",
    WaitReason.CHAT_PACE: "the pace of this chat",
    WaitReason.SESSION_PACE: "the pace of the session",
    WaitReason.EARLIER_MESSAGE: "the message before it in this chat",
    WaitReason.FILE: "its file",
    WaitReason.RETRY: "the next attempt",
    WaitReason.REACH_OUT_LOCK: "the end of WhatsApp's lock of messages to people who never wrote",
    WaitReason.FIRST_MESSAGE_PACE: "the pace of first messages",
    WaitReason.FIRST_MESSAGES_PER_DAY: "the number of first messages in a day",
    WaitReason.SEND_AT: "its time",
    WaitReason.QUIET_HOURS: "the end of the quiet hours",
}


_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


class Waiting(Payload):
    """Why an accepted command is not sent yet. `until` is an estimate: a person's message may go first."""

    reason: WaitReason = Field(
        description="`chat_pace`: WA_PACE_CHAT, `session_pace`: WA_PACE; `first_message_pace`: WA_PACE_NEW,"
        " `first_messages_per_day`: WA_NEW_PER_DAY, `quiet_hours`: WA_QUIET_HOURS; `reach_out_lock`: `status.limits`"
    )
    until: Instant | None = Field(
        description="about when it is sent, or its file tried again; null when time alone does not end the wait"
    )
    text: str | None = Field(
        default=None, exclude_if=is_none, description="with `file`: one sentence, why the last try gave no file"
    )
    detail_code: str | None = Field(
        default=None, exclude_if=is_none, description="the same for programs, where there is a code for it"
    )

    def sentence(self, now: datetime) -> str:
        """For example "waits for the pace of this chat, about 40 s"."""
        seconds = 0 if self.until is None else round((self.until - now).total_seconds())
        about = f"about {_about(seconds)}" if seconds > 0 else ""
        why = f"waits for {WAIT_TEXT[self.reason]}"
        if self.text is None:
            return f"{why}, {about}" if about else why
        why = f"{why}: {self.text[:1].lower()}{self.text[1:].rstrip('.')}"
        return f"{why}; next try in {about}" if about else why


def _about(seconds: int) -> str:
    size, unit = next((one for one in _UNITS if seconds >= 2 * one[0]), (1, "s"))
    return f"{round(seconds / size)} {unit}"
