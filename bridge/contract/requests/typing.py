"""The typing indicator."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import CleanText
from bridge.contract.requests.request import Request

#: Seconds for which one request shows it.
MAX_SECONDS = 60


class Typing(Request):
    """Also `<prefix>/<session>/typing`, at QoS 0 and without an answer: `{"to": …, "seconds": 10}`.

    Dropped where the session is not connected or has no such chat. The account is shown as online meanwhile. WhatsApp
    itself lets it fade.
    """

    example: ClassVar = {"to": "5491155500001", "seconds": 10}
    summary: ClassVar = 'Show "typing…" in a chat for `seconds`; 0 ends it.'
    recipients: ClassVar = ("to",)

    action: Literal["typing"] = "typing"
    to: CleanText = Field(description="number in any spelling, or a chat's address")
    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS, description="how long; 0 ends it")] = 10
