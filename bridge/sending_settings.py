"""The settings of how fast and when a session sends."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import InstanceOf
from pydantic_settings import BaseSettings, NoDecode

from bridge.contract.pace import Pace
from bridge.contract.quiet_hours import QuietHours
from bridge.core.budgets import Pacing
from bridge.setting_types import SendPace, parse_new_pace, parse_zone, parsed, setting


class SendingSettings(BaseSettings):
    """The part of the bridge's settings that keeps a number from looking like a machine."""

    pace_burst: int = setting(
        "WA_PACE_BURST",
        default=5,
        ge=1,
        le=1000,
        description="Burst size: sends at once after a pause, per session and per chat.",
    )
    pace: SendPace = setting(
        "WA_PACE",
        default="20/minute",
        description="Send rate of a session. WhatsApp blocks numbers that send like machines: be slow with a new"
        " number. off, for tests only, switches all pacing off.",
    )
    pace_chat: SendPace = setting("WA_PACE_CHAT", default="10/minute", description="Send rate per chat.")
    pace_checks: SendPace = setting(
        "WA_PACE_CHECKS", default="60/minute", description="Rate of the numbers that contacts.check looks up."
    )
    pace_spacing: float = setting(
        "WA_PACE_SPACING", default=0.5, ge=0, le=60, description="Minimum seconds between two sends."
    )
    pace_jitter: float = setting(
        "WA_PACE_JITTER",
        default=1.5,
        ge=0,
        le=60,
        description="Maximum random extra seconds for a send that had to wait.",
    )
    pace_new: Annotated[Pace, NoDecode, parsed(parse_new_pace)] = setting(
        "WA_PACE_NEW",
        default="1/30s",
        description="Rate of first messages, to people who have not written in 30 days; each waits up to half as much"
        " longer or shorter. Answers do not wait for them. off: they go as answers do.",
    )
    new_per_day: int | None = setting(
        "WA_NEW_PER_DAY", default=None, ge=1, description="Maximum of first messages in 24 hours. Default: none."
    )
    quiet_hours: Annotated[QuietHours, NoDecode, parsed(QuietHours.parse)] = setting(
        "WA_QUIET_HOURS",
        default="",
        description="Hours in which commands with priority bulk are held, for example 21:00-09:00. Default: none.",
    )
    zone: Annotated[InstanceOf[ZoneInfo], NoDecode, parsed(parse_zone)] = setting(
        "WA_TZ", default="America/Argentina/Buenos_Aires", description="Time zone of WA_QUIET_HOURS."
    )

    @property
    def pacing(self) -> Pacing:
        """The paces of each session; `WA_PACE=off` switches all of them off."""
        if self.pace.is_off:
            return Pacing(self.pace, self.pace, quiet=self.quiet_hours, zone=self.zone)
        paces = self.pace, self.pace_chat, self.pace_spacing, self.pace_jitter, self.pace_checks, self.pace_new
        return Pacing(*paces, per_day=self.new_per_day, quiet=self.quiet_hours, zone=self.zone)
