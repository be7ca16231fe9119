"""What the campaigns service publishes and answers: how far a campaign is, its report, lists, opt-outs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from bridge.contract.campaigns import CampaignState, RecipientState
from bridge.contract.payload import VERSION, Instant, PageText, Payload, is_none


class CampaignCounts(Payload):
    """How many recipients are where. `planned` = waiting + sending + sent + failed + unknown."""

    planned: int = Field(default=0, description="recipients that are written to, without the skipped ones")
    waiting: int = Field(default=0, description="nothing was sent yet")
    sending: int = Field(default=0, description="published, without a result yet")
    sent: int = Field(default=0, description="WhatsApp's server has it, with those delivered and read")
    delivered: int = Field(default=0, description="on the recipient's device, with those read")
    read: int = Field(default=0, description="read, as far as the recipient reports it")
    answered: int = Field(default=0, description="wrote back")
    failed: int = Field(default=0, description="not sent")
    unknown: int = Field(default=0, description="may have been sent; never repeated without being asked")
    skipped: int = Field(default=0, description="left out by a rule")


class CampaignProgress(CampaignCounts):
    """`<prefix>/<session>/campaign/<id>`, retained: how far a campaign is."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the campaign's id")
    name: PageText = Field(description="for people")
    state: CampaignState = Field(description="see the campaign's states")
    reason: str | None = Field(default=None, description="code of what stopped it, or what it waits for now")
    text: PageText | None = Field(default=None, description="the same as one sentence for a person")
    eta: Instant | None = Field(
        default=None, description="when the last one leaves, by its own pace and the bridge's; null: not known"
    )
    at: Instant = Field(description="when this was published")


class CampaignEvent(Payload):
    """`<prefix>/<session>/campaign/<id>/event`: what happened with a campaign."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the campaign's id")
    kind: str = Field(description="planned, started, paused, resumed, done, stopped, cancelled, answered, opted_out")
    text: PageText = Field(description="one sentence for a person; with `answered`, nothing of the answer itself")
    n: int | None = Field(default=None, exclude_if=is_none, description="the recipient that it is about")
    at: Instant = Field(description="when it happened")


class BadRow(Payload):
    """A row of a list that is not used."""

    line: int = Field(description="its line in the file, from 1; of named recipients, its place")
    reason: PageText = Field(description="what is wrong with it, and what to do")
    code: str = Field(default="", description="the same as a code")
    variable: PageText | None = Field(default=None, description="with `missing_variable`: which one has no value")


class PreviewText(Payload):
    """A text as one recipient gets it."""

    n: int = Field(description="the recipient's number in the campaign")
    to: str = Field(description="the recipient")
    name: PageText | None = Field(default=None, description="its name")
    text: PageText = Field(description="the text that is sent")


class CampaignView(CampaignProgress):
    """A campaign with its plan, as HTTP answers it."""

    seed: int = Field(description="of variants and pauses")
    created_at: Instant = Field(description="when it was planned")
    started_at: Instant | None = Field(default=None, description="when it first sent")
    ended_at: Instant | None = Field(default=None, description="when it ended")
    plan: dict[str, Any] = Field(description="as it was given, without its recipients")
    preview: list[PreviewText] = Field(default_factory=list, description="up to five of its real texts")
    bad_rows: list[BadRow] = Field(default_factory=list, description="the first rows that are not used")
    bad_row_count: int = Field(default=0, description="all of them")
    skipped_by: dict[str, int] = Field(default_factory=dict, description="how many each rule leaves out")
    failed_by: dict[str, int] = Field(default_factory=dict, description="how many failed with each code")


class HistoryBucket(Payload):
    """What happened to the messages of a campaign in one span of time."""

    at: Instant = Field(description="begin of the span")
    sent: int = Field(default=0, description="messages that WhatsApp's server took")
    delivered: int = 0
    read: int = 0
    answered: int = 0


class CampaignHistory(Payload):
    """A campaign over time, from its first message on, in spans of equal length."""

    step: int = Field(description="seconds of a span")
    buckets: list[HistoryBucket]


class CampaignPage(Payload):
    """A page of campaigns, newest first."""

    campaigns: list[CampaignProgress]


class ReportRow(Payload):
    """One recipient of a campaign."""

    n: int = Field(description="its number; the command is `campaign/<id>/<n>`")
    to: str
    name: PageText | None = None
    state: RecipientState
    code: str | None = Field(default=None, description="why it was skipped or failed")
    error: PageText | None = Field(default=None, description="the same as a sentence")
    text: PageText = Field(description="what it gets")
    sent_at: Instant | None = None
    delivered_at: Instant | None = None
    read_at: Instant | None = None
    answered_at: Instant | None = None
    answer: PageText | None = Field(default=None, description="the first answer")
    meta: Any = Field(default=None, description="as the plan gave it")


class ReportPage(Payload):
    """Recipients in the order of their numbers; `next` = `after` of the next page, null at the end."""

    recipients: list[ReportRow]
    next: int | None


class RecipientList(Payload):
    """A list that was uploaded as a file."""

    id: str
    name: PageText
    tags: list[str] = Field(default_factory=list, description="the tags of its rows")
    columns: list[str] = Field(default_factory=list, description="names of the variables that its rows have")
    rows: int = Field(description="usable rows, without duplicates")
    duplicates: int = Field(default=0, description="rows of a number that another row has; merged into it")
    bad_row_count: int = Field(default=0, description="rows that are not used")
    bad_rows: list[BadRow] = Field(default_factory=list, description="the first hundred of them")
    created_at: Instant


class RecipientLists(Payload):
    """All lists, newest first."""

    lists: list[RecipientList]


class OptOut(Payload):
    """A person who asked for no more messages."""

    to: str = Field(description="the number or address in the form in which it is compared")
    at: Instant
    source: str = Field(description="message, responder, or operator")


class OptOuts(Payload):
    """The newest opt-outs, newest first."""

    opt_outs: list[OptOut]
