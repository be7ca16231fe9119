"""The base class of requests, and their response. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints
from typing_extensions import override

from bridge.contract.jid import Jid, parse_recipient
from bridge.contract.messages import ErrorInfo
from bridge.contract.payload import VERSION, CleanText, Instant, Payload, StrictPayload, is_none

#: Fields of every request; all others are arguments of its action.
_ENVELOPE = frozenset({"v", "id", "action", "reply_topic", "transaction"})


class Request(StrictPayload):
    """`<prefix>/<session>/request`: an action that is not a message.

    Each action is a subclass that declares `action` as a `Literal` with its name as default, and its arguments.
    """

    #: One sentence for the generated documentation.
    summary: ClassVar[str]
    #: Arguments for the documentation.
    example: ClassVar[Mapping[str, Any]] = {}
    #: Whether it reads what people write: then it takes the right to read, otherwise the right to send.
    reads: ClassVar[bool] = False

    v: Literal[1] = VERSION
    id: Annotated[CleanText, StringConstraints(min_length=1, max_length=128)] | None = Field(
        default=None, description="returned in the response"
    )
    action: str = Field(description="what to do")
    reply_topic: CleanText | None = Field(
        default=None, description="where a copy of the response goes: `<prefix>/<session>/reply/<client>`"
    )
    transaction: CleanText | None = Field(default=None, description="returned in the response")

    @property
    def addresses(self) -> Mapping[str, Jid]:
        """The normal form of each recipient, by argument name. Raises `InvalidRequest`."""
        return {}

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments as JSON."""
        return self.model_dump(mode="json", exclude=set(_ENVELOPE), exclude_none=True)


class ChatRequest(Request):
    """A request about one chat."""

    chat: CleanText = Field(description="number in any spelling, or a chat's address")

    @cached_property
    def recipient(self) -> Jid:
        """The normal form of `chat`. Raises `InvalidRequest`."""
        return parse_recipient(self.chat)

    @property
    @override
    def addresses(self) -> Mapping[str, Jid]:
        return {"chat": self.recipient}

    @override
    def check(self) -> None:
        """Raises `InvalidRequest` for a chat that cannot be parsed."""
        _ = self.recipient


class ResponseStatus(StrEnum):
    """`status` of a response."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Response(Payload):
    """`<prefix>/<session>/response`, and a copy to the reply topic."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the request's id, or one made by the bridge")
    action: str | None = Field(description="null where the request named none")
    status: ResponseStatus = Field(description="`unknown`: WhatsApp gave no answer")
    data: Any = Field(default=None, description="what the action answers; each action documents its own")
    error: ErrorInfo | None = Field(default=None, description="why it failed")
    at: Instant = Field(description="time of the change")
    transaction: str | None = Field(default=None, exclude_if=is_none, description="as the command gave it")
