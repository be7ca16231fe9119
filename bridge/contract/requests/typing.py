"""The typing indicator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.jid import Jid, parse_recipient
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

    action: Literal["typing"] = "typing"
    to: CleanText = Field(description="number in any spelling, or a chat's address")
    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS, description="how long; 0 ends it")] = 10

    @cached_property
    def recipient(self) -> Jid:
        """The normal form of `to`. Raises `InvalidRequest`."""
        return parse_recipient(self.to)

    @property
    @override
    def addresses(self) -> Mapping[str, Jid]:
        return {"to": self.recipient}

    @override
    def check(self) -> None:
        """Raises `InvalidRequest` for a recipient that cannot be parsed."""
        _ = self.recipient
