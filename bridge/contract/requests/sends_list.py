"""The commands of a session with their states."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.lifecycle import SendState
from bridge.contract.payload import Instant, Payload
from bridge.contract.requests.request import Request

MAX_SENDS = 500


class ListedSend(Payload):
    """How far one command is."""

    number: int = Field(description="its place: newer commands have higher ones")
    id: str = Field(description="the command's id")
    state: SendState = Field(description="`device`, `read` and `played` are receipts after `sent`")
    claimed_at: Instant = Field(description="when the bridge took it")
    at: Instant = Field(description="when its state changed last")


class SendList(Payload):
    """A page of commands, newest first."""

    sends: list[ListedSend] = Field(description="the commands")
    next: int | None = Field(default=None, description="`before` of the next page; null = this is the last one")


class ListSends(Request):
    """Results and ticks are published once; this shows where each command is now. It needs no connection."""

    summary: ClassVar = "List the commands with their states, in pages, newest first."
    example: ClassVar = {"limit": 100}
    data: ClassVar = SendList

    action: Literal["sends.list"] = "sends.list"
    before: Annotated[int, Field(ge=1, le=2**53)] | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=MAX_SENDS, description="commands in a page")] = 100
