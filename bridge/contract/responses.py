"""The response to a request, apart from the requests: who waits for one needs none of their forms. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from bridge.contract.messages import ErrorInfo
from bridge.contract.payload import VERSION, Instant, Payload, is_none


class ResponseStatus(StrEnum):
    """`status` of a response."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RequestProgress(Payload):
    """How far a request is."""

    done: int = Field(description="how many are done")
    total: int = Field(description="how many there are")


class Response(Payload):
    """`<prefix>/<session>/response`, and a copy to the reply topic."""

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    id: str = Field(description="the request's id, or one made by the bridge")
    action: str | None = Field(description="null where the request named none")
    status: ResponseStatus = Field(
        description="`unknown`: WhatsApp gave no answer; `running`: a request that takes long goes on, more follow"
    )
    progress: RequestProgress | None = Field(
        default=None, exclude_if=is_none, description="with `running`: how far it is"
    )
    data: Any = Field(default=None, description="what the action answers; each action documents its own")
    error: ErrorInfo | None = Field(default=None, description="why it failed")
    at: Instant = Field(description="time of the change")
    transaction: str | None = Field(default=None, exclude_if=is_none, description="as the command gave it")
