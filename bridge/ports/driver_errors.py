"""Errors of a call to WhatsApp: whether it may have taken effect."""

from __future__ import annotations

from typing import Any

from bridge.contract.errors import CodedError


class DriverUnavailable(CodedError):
    """There is no page to call, or the call was refused before it took effect. Nothing was sent."""

    code = "not_connected"


class CallInDoubt(CodedError):
    """A call into the page was not answered: it may have taken effect."""

    code = "in_doubt"
    #: What is certain of the data of a request.
    known: Any = None


class MediaGone(CodedError):
    """WhatsApp has a file no longer, and its phone did not give it again.

    `final`: the phone said that it has it no longer, too; else it may still answer.
    """

    code = "media_gone"

    def __init__(self, text: str, *, final: bool) -> None:
        super().__init__(text)
        self.final = final
