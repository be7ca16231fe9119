"""Incoming calls."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from bridge.contract.payload import CleanText
from bridge.contract.requests.request import Request


class RejectCall(Request):
    """`not_found` where no such call rings any more. The bridge cannot accept calls."""

    summary: ClassVar = "Reject a call that rings."
    example: ClassVar = {"call_id": "3EB0C0FFEE"}
    changes: ClassVar = True

    action: Literal["calls.reject"] = "calls.reject"
    call_id: Annotated[CleanText, StringConstraints(min_length=1, max_length=128)] = Field(
        description="`call_id` of the event `call`"
    )
