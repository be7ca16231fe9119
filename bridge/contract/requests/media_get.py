"""The file of a message."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from bridge.contract.kinds.media import MediaState
from bridge.contract.payload import CleanText, PageText, Payload
from bridge.contract.requests.request import Request


class MediaAnswer(Payload):
    """A file that belongs to a message, as it is known now."""

    message_id: str = Field(description="the message's `id`")
    state: MediaState = Field(description="where its bytes are")
    url: str | None = Field(default=None, description="where the bridge serves it, for a limited time")
    sha256: str | None = Field(default=None, description="SHA-256 of the file, 64 hexadecimal digits")
    size: int | None = Field(default=None, description="bytes")
    mimetype: PageText | None = Field(default=None, description="type of the file")
    filename: PageText | None = Field(default=None, description="name of a document")


class MediaGet(Request):
    """With `state` `pending` the download has begun, and an event `media` reports its end."""

    example: ClassVar = {"message_id": "false_5491155500001@c.us_3EB0C0FFEE"}
    reads: ClassVar = True
    data: ClassVar = MediaAnswer
    summary: ClassVar = "Give a new link to the file of a message, or download it if it is not here."

    action: Literal["media.get"] = "media.get"
    message_id: Annotated[CleanText, StringConstraints(min_length=1, max_length=256)] = Field(
        description="the message's `id`"
    )
