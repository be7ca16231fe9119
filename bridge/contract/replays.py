"""Replays: what a reader asks for, and the position in a stream from which it asks. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from bridge.contract.commands import CommandId
from bridge.contract.messages import Stream
from bridge.contract.payload import VERSION, StrictPayload
from bridge.contract.topics import is_level

#: Largest valid cursor (int64).
MAX_SEQ = 2**63 - 1
REPLAY_DEFAULT, REPLAY_MAX = 500, 5_000


class Cursor(StrictPayload):
    """A position in a stream: the store's epoch and the last item that the reader has."""

    epoch: str = Field(description="UUID of the store")
    seq: Annotated[int, Field(ge=0, le=MAX_SEQ, description="the last item that the reader has")]


class ReplayRequest(StrictPayload):
    """`<prefix>/<session>/replay`: items after a cursor (null: from the oldest) to `replay/<reader>`."""

    v: Literal[1] = VERSION
    request: CommandId = Field(description="returned at the end of each page")
    reader: str = Field(description="items are published to `replay/<reader>`")
    after: Cursor | None = Field(default=None, description="cursor to continue after; null = the oldest item")
    stream: Annotated[Stream, Field(strict=False, description="which stream")] = Stream.IN
    limit: Annotated[int, Field(ge=1, le=REPLAY_MAX, description="items in a page")] = REPLAY_DEFAULT

    @field_validator("reader")
    @classmethod
    def _check_reader(cls, reader: str) -> str:
        if not is_level(reader):
            raise ValueError("must be 1 to 64 letters, digits, _ or -")
        return reader
