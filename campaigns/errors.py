"""The errors of the campaigns service: one root, each with a code, an HTTP status and a sentence."""

from __future__ import annotations

from typing import ClassVar

from bridge.contract.errors import CodedError


class CampaignError(CodedError):
    """Root of the errors that a caller receives."""

    code = "campaign"
    transient = False
    http: ClassVar[int] = 400


class WrongCampaignSettings(CampaignError):
    """The service cannot start with these settings; the sentence names the setting and what to write instead."""

    code = "start"


class WrongPlan(CampaignError):
    """The plan cannot be carried out; the sentence says what to change."""

    code = "invalid"


class UnusableFile(CampaignError):
    """The file cannot be read as a list; the sentence says what to change."""

    code = "invalid"


class FileTooLarge(CampaignError):
    """The file has more rows or bytes than the limit, which the sentence names."""

    code = "too_large"
    http = 413


class NoSuchCampaign(CampaignError):
    """No campaign or list has this id."""

    code = "not_found"
    http = 404
    sentence = "There is no campaign or list with this id."


class WrongState(CampaignError):
    """The campaign's state does not allow the action, or the id is in use."""

    code = "conflict"
    http = 409


class SessionNotReady(CampaignError):
    """The session cannot send now; the sentence says what to do first."""

    code = "not_connected"
    transient = True
    http = 503


class StandsBy(CampaignError):
    """Another campaigns service works on the database; this one takes over when that one ends."""

    code = "standby"
    transient = True
    http = 503
    sentence = "Another campaigns service works on this database, and this one waits to take over: ask that one."
