"""What every request has in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from bridge.contract.jid import Jid
from bridge.contract.messages import ErrorInfo
from bridge.contract.payload import VERSION, CleanText, Instant, Payload, StrictPayload, is_none

#: Fields of every request; all others are arguments of its action.
_ENVELOPE = frozenset({"v", "id", "action", "reply_topic", "transaction"})


class Request(StrictPayload):
    """`<prefix>/<session>/request`: something that is not a message. Each action is a subclass that declares `action`
    as a `Literal` with its name as default, and its arguments beside it."""

    #: What it does, in one sentence of the generated documentation.
    summary: ClassVar[str]
    #: Arguments that are recipients in any spelling; the driver gets them as addresses.
    recipients: ClassVar[tuple[str, ...]] = ()

    v: Literal[1] = VERSION
    id: Annotated[CleanText, StringConstraints(min_length=1, max_length=128)] | None = None
    action: str
    reply_topic: CleanText | None = None
    transaction: CleanText | None = None

    @property
    def addresses(self) -> Mapping[str, Jid]:
        """The normal form of each recipient, by its argument. Raises `InvalidRequest`."""
        return {}

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments as JSON."""
        return self.model_dump(mode="json", exclude=set(_ENVELOPE), exclude_none=True)


class ResponseStatus(StrEnum):
    """`status` of a response."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Response(Payload):
    """`<prefix>/<session>/response`, and a copy to the reply topic."""

    v: Literal[1] = VERSION
    session: str
    id: str
    action: str | None = Field(description="null where the request named none")
    status: ResponseStatus
    data: Any = Field(default=None, description="what the action answers; each action documents its own")
    error: ErrorInfo | None = None
    at: Instant
    transaction: str | None = Field(default=None, exclude_if=is_none)
