"""How many messages a session may send now, and when the next one may leave: answers, and first messages."""

from __future__ import annotations

from pydantic import Field

from bridge.contract.payload import Instant, Payload, is_none


class Budget(Payload):
    """What is left of one budget."""

    left: int | None = Field(description="messages that could go out at once; null without a limit")
    next_at: Instant | None = Field(default=None, description="when the next one may leave; null: at once")
    every: float | None = Field(
        default=None,
        exclude_if=is_none,
        description="mean seconds between two while many wait; missing: as fast as they come",
    )


class FirstMessagesBudget(Budget):
    """What is left for messages to people who have not written in the last 30 days."""

    today: int | None = Field(
        default=None, description="how many were sent in the last 24 hours; null where nothing limits them"
    )
    per_day: int | None = Field(default=None, description="how many may be (WA_NEW_PER_DAY); null without a limit")


class SendBudget(Payload):
    """Both budgets of a session. A first message takes its share of both."""

    answers: Budget = Field(description="messages to people who wrote in the last 30 days, and to groups (WA_PACE)")
    first_messages: FirstMessagesBudget = Field(description="messages to everybody else (WA_PACE_NEW)")
    quiet_until: Instant | None = Field(
        default=None,
        exclude_if=is_none,
        description="commands with priority `bulk` are held until then (WA_QUIET_HOURS); missing: they are not",
    )
    quiet_hours: str | None = Field(
        default=None, exclude_if=is_none, description="WA_QUIET_HOURS, for example `21:00-09:00`; missing: none"
    )
    timezone: str | None = Field(default=None, exclude_if=is_none, description="time zone of `quiet_hours` (WA_TZ)")
