"""What WhatsApp allows this account, where it says so."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from bridge.contract.payload import Instant, Payload


class NewChatStage(StrEnum):
    """How near the monthly number of new chats is to its end, in WhatsApp's words."""

    NONE = "none"
    FIRST_WARNING = "first_warning"
    SECOND_WARNING = "second_warning"
    CAPPED = "capped"


class NewChats(Payload):
    """The new chats of this period, as WhatsApp counts them."""

    used: int = Field(description="how many were begun")
    total: int = Field(description="how many may be begun")
    stage: NewChatStage = Field(description="how near the end is; `capped`: no more of them")


class AccountLimits(Payload):
    """What WhatsApp limits. Answers to people who wrote are never limited by it."""

    reach_out_locked_until: Instant | None = Field(
        default=None, description="until when no message may go to people who never wrote; null: no lock is known"
    )
    new_chats: NewChats | None = Field(default=None, description="null where WhatsApp does not count them")
