"""What a search of messages answers. Pure."""

from __future__ import annotations

from pydantic import Field

from bridge.contract.messages import Stream
from bridge.contract.payload import PageText, Payload, is_none


class SearchPiece(Payload):
    """A piece of a text. All pieces together are the shown part of it."""

    text: PageText = Field(description="the piece")
    found: bool = Field(description="whether it is what was searched for")


class SearchHit(Payload):
    """A message that was found. The whole of it is on HTTP: `messages?stream=…&after=<epoch>:<seq - 1>&limit=1`."""

    id: PageText = Field(description="the message's `id`")
    chat: PageText = Field(description="the chat that it is in")
    author: PageText = Field(description="who wrote it")
    person: str | None = Field(default=None, exclude_if=is_none, description="the bridge's id of that person")
    notify_name: PageText | None = Field(default=None, description="name of the author")
    from_me: bool = Field(description="whether this account wrote it")
    kind: str | None = Field(default=None, description="kind of the message")
    timestamp: int = Field(description="unix seconds")
    stream: Stream = Field(description="the stream that it is in: own messages are events")
    seq: int = Field(description="its position in that stream")
    snippet: list[SearchPiece] = Field(
        description="a part of its text, or of the name of its file, around what was found"
    )


class SearchAnswer(Payload):
    """Messages with all words, newest first, in the order in which they were journalled."""

    hits: list[SearchHit] = Field(description="the messages")
    next: str | None = Field(description="`after` for the next page; null = there is none")
    complete: bool = Field(
        description="false while a journal of an earlier version is being indexed: older messages may be missing"
    )
