"""What the store returns: values without SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.contract.campaign_reports import BadRow
from bridge.contract.campaigns import CampaignPlan, CampaignState, RecipientState
from campaigns.commands import CampaignCommand


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign. Moments are unix seconds. `plan` has no recipients; `spec` is it as JSON."""

    id: str
    session: str
    name: str
    state: CampaignState
    reason: str | None
    spec: dict[str, Any]
    seed: int
    bad_rows: tuple[BadRow, ...]
    bad_row_count: int
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def plan(self) -> CampaignPlan:
        """The plan, with a placeholder for recipients that it named itself."""
        named = {} if {"list", "follow_up"} & self.spec.keys() else {"recipients": [{"to": "0"}]}
        return CampaignPlan.model_validate_json(json.dumps({**self.spec, **named}))


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a campaign, with what is sent to it now."""

    id: int
    campaign: str
    n: int
    to: str
    person: str
    text: str
    state: RecipientState
    stage: int
    attempt: int
    epoch: str | None
    claimed_at: float | None
    expires_at: float | None
    chat: str | None  # of its question, where that is not the chat of the number

    @property
    def command(self) -> CampaignCommand:
        """The command that carries the text."""
        return CampaignCommand(self.campaign, self.n, self.stage, self.attempt)


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """A planned recipient: `code` says by which rule it is skipped."""

    n: int
    to: str
    person: str
    name: str | None
    values: dict[str, str]
    meta: Any
    question: str | None
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Campaigns that are not over and their recipients: how many, by session and state."""

    campaigns: Mapping[tuple[str, str], int]
    recipients: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class SendsSoFar:
    """What was sent so far: number and moment of the session's newest claim, the moment of the campaign's first one,
    the session's claims of today."""

    last: tuple[int, float] | None
    first: float | None
    today: int
