"""Campaigns: one text for many people, as a program plans it, and the states of what becomes of it.

The payloads travel on HTTP (`/v1/campaigns`) and MQTT (`campaign/<id>`). The service that carries them out is the
package `campaigns`.
"""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bridge.contract.kinds import MAX_TEXT
from bridge.contract.pace import Pace
from bridge.contract.payload import CleanJson, CleanText, StrictPayload

#: Recipients of a request that names them itself; more come as a list (a file).
MOST_INLINE = 10_000
#: Rows of one file, and of one campaign.
MOST_ROWS = 200_000
#: Days after which a plan that is not over yet is refused.
LONGEST_DAYS = 3_650
#: The first part of the id of each command of a campaign: `campaign/<id>/<n>`.
COMMAND_PREFIX = "campaign"
RESERVED_IDS = frozenset({"lists", "opt-outs"})


class CampaignState(StrEnum):
    """State of a campaign."""

    DRAFT = "draft"  # planned; nothing was sent
    SCHEDULED = "scheduled"  # starts by itself at `start_at`
    RUNNING = "running"
    PAUSED = "paused"  # by a person
    DONE = "done"  # nothing is left to send
    CANCELLED = "cancelled"  # by a person, for good
    STOPPED = "stopped"  # by a rule; `reason` says which


_S = CampaignState
#: The states that may follow each. An illegal transition raises in the service.
CAMPAIGN_TRANSITIONS: dict[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.SCHEDULED, _S.RUNNING, _S.CANCELLED}),
    _S.SCHEDULED: frozenset({_S.RUNNING, _S.PAUSED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.DONE, _S.STOPPED, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.RUNNING, _S.SCHEDULED, _S.CANCELLED}),
    _S.STOPPED: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.DONE: frozenset({_S.RUNNING}),  # what failed is tried again
    _S.CANCELLED: frozenset(),
}


class StopRule(StrEnum):
    """What stops a campaign."""

    REACH_OUT_LOCKED = "reach_out_locked"
    FAILURE_RATE = "failure_rate"


class SkipRule(StrEnum):
    """Who is left out."""

    OPTED_OUT = "opted_out"
    DUPLICATES = "duplicates"
    WROTE_IN_LAST_DAYS = "wrote_in_last_days"
    NOT_ON_WHATSAPP = "not_on_whatsapp"


class RecipientState(StrEnum):
    """State of one recipient of a campaign."""

    WAITING = "waiting"  # nothing was sent
    SENDING = "sending"  # its command is published; the bridge sends it once
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  # it was not sent; `code` says why
    UNKNOWN = "unknown"  # it may have been sent; it is not repeated
    SKIPPED = "skipped"  # by a rule; `code` says which


#: States of recipients that WhatsApp's server has the message of.
REACHED = (RecipientState.SENT, RecipientState.DELIVERED, RecipientState.READ)


class Follow(StrEnum):
    """Who of an earlier campaign is written to again."""

    FAILED = "failed"
    NOT_READ = "not_read"
    NOT_ANSWERED = "not_answered"
    SAID_YES = "said_yes"


class Day(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


def _clock_time(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("time", "must be a time such as 09:00")
    if value == "24:00":
        return time.max
    try:
        return time.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a time; write for example 09:00") from error


ClockTime = Annotated[time, Field(strict=False), BeforeValidator(_clock_time)]


class SendWindow(StrictPayload):
    """When a campaign may send. A window that ends before it begins goes over midnight."""

    days: Annotated[
        tuple[Annotated[Day, Field(strict=False)], ...],
        Field(strict=False, description="days of the week on which it begins"),
    ] = tuple(Day)
    from_: ClockTime = Field(default=time(9), alias="from", description="when it opens")
    to: ClockTime = Field(default=time(20), description="when it closes; 24:00 is the end of the day")
    timezone: CleanText = Field(default="America/Argentina/Buenos_Aires", description="IANA name of its time zone")

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{name[:64]!r} is no time zone; write for example America/Argentina/Cordoba") from error
        return name

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not self.days or self.from_ == self.to:
            raise ValueError("never opens: name at least one day, and two different times")
        return self


Variables = dict[Annotated[str, StringConstraints(max_length=64)], Annotated[CleanText, Field(max_length=4096)]]


class CampaignRecipient(StrictPayload):
    """One recipient of a plan."""

    to: Annotated[CleanText, StringConstraints(min_length=1, max_length=64)] = Field(
        description="number in any spelling"
    )
    name: Annotated[CleanText, StringConstraints(max_length=200)] | None = Field(
        default=None, description="the variable `name` of the texts"
    )
    vars: Variables = Field(default_factory=dict, description="further variables of the texts")
    meta: CleanJson = Field(default=None, description="free JSON, returned in the report")


class CampaignMedia(StrictPayload):
    """A file that goes with each text, which becomes its caption."""

    kind: Literal["image", "video", "document"] = Field(description="how it is shown")
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] = Field(
        description="of a file that `POST /v1/media` has"
    )
    filename: Annotated[CleanText, StringConstraints(max_length=200)] | None = Field(
        default=None, description="name of a document"
    )


class FollowUp(StrictPayload):
    """The recipients are those of an earlier campaign."""

    campaign: CleanText = Field(description="its id")
    who: Annotated[Follow, Field(strict=False)] = Field(description="which of its recipients")


class CampaignPlan(StrictPayload):
    """What `POST /v1/campaigns` takes: recipients from exactly one of `recipients`, `list`, `follow_up`."""

    id: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,40}$")] | None = Field(
        default=None,
        description="1 to 40 letters, digits, _ and -; planned once for an id; the service makes a missing one",
    )
    session: CleanText | None = Field(default=None, description="the session that sends; default: the first one")
    name: Annotated[CleanText, StringConstraints(min_length=1, max_length=120)] = Field(description="for people")
    recipients: Annotated[list[CampaignRecipient], Field(min_length=1, max_length=MOST_INLINE)] | None = Field(
        default=None, description="the recipients themselves"
    )
    contact_list: CleanText | None = Field(default=None, alias="list", description="id of an uploaded list")
    tags: Annotated[tuple[CleanText, ...], Field(strict=False)] = Field(
        default=(), description="only those of the list that have one of these tags"
    )
    follow_up: FollowUp | None = Field(default=None, description="recipients of an earlier campaign")
    variants: Annotated[
        list[Annotated[CleanText, StringConstraints(min_length=1, max_length=MAX_TEXT)]],
        Field(min_length=1, max_length=20, description="texts with `{{name}}`; each recipient gets one of them"),
    ]
    defaults: Variables = Field(default_factory=dict, description="values of variables that a recipient has not")
    ask_first: Annotated[CleanText, StringConstraints(min_length=1, max_length=MAX_TEXT)] | None = Field(
        default=None, description="a question that is sent first; the text follows only after a yes"
    )
    media: CampaignMedia | None = Field(default=None, description="a file that goes with each text")
    window: SendWindow = Field(default_factory=SendWindow, description="when it may send")
    pace: Annotated[CleanText, StringConstraints(max_length=32)] = Field(
        default="2/minute", description="for example 2/minute, 30/hour; off: as fast as the bridge allows"
    )
    jitter: Annotated[float, Field(ge=0, le=1, strict=False)] = Field(
        default=0.5, description="share by which a pause may be shorter or longer"
    )
    per_day: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="most sends of a day, those of the session's other campaigns included"
    )
    warm_up: Annotated[tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], Field(strict=False, max_length=90)] = (
        Field(default=(), description="most sends of the first days, for example 20, 50, 100")
    )
    start_at: Annotated[AwareDatetime, Field(strict=False)] | None = Field(
        default=None, description="starts by itself then; without it, when it is started"
    )
    stop_on: Annotated[tuple[Annotated[StopRule, Field(strict=False)], ...], Field(strict=False)] = tuple(StopRule)
    skip: Annotated[tuple[Annotated[SkipRule, Field(strict=False)], ...], Field(strict=False)] = (
        SkipRule.OPTED_OUT,
        SkipRule.DUPLICATES,
    )
    wrote_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=7, description="the days of the rule `wrote_in_last_days`"
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None, description="decides variants and pauses: the same plan and seed give the same campaign"
    )

    @field_validator("pace")
    @classmethod
    def _check_pace(cls, text: str) -> str:
        return Pace.parse(text, burst=1).text

    @model_validator(mode="after")
    def _has_recipients(self) -> Self:
        if sum(given is not None for given in (self.recipients, self.contact_list, self.follow_up)) != 1:
            raise ValueError("needs its recipients: exactly one of recipients, list and follow_up")
        if self.tags and self.contact_list is None:
            raise ValueError("tags go with list")
        if self.id in RESERVED_IDS:
            raise ValueError(f"the id {self.id} is reserved")
        return self


class OptOutRequest(StrictPayload):
    """A person that an operator puts on the list of opt-outs, or takes off it."""

    to: CleanText = Field(description="number in any spelling")


class CampaignAction(StrEnum):
    """Actions on a campaign."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
