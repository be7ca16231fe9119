"""The messages of one chat, read from WhatsApp."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import CleanText
from bridge.contract.requests.request import ChatRequest

MAX_MESSAGES = 100


class ChatHistory(ChatRequest):
    """`data` is `{chat, messages: [...], complete}`, oldest first.

    A message has the form of `in` without its position, and `from_me` and `ack` (null for a received one).
    `complete`: the page has nothing older. Nothing of it is published on `in`.
    """

    summary: ClassVar = "Read messages of a chat, in pages backwards."
    example: ClassVar = {"chat": "5491155500001", "limit": 20}
    reads: ClassVar = True

    action: Literal["chats.history"] = "chats.history"
    before: CleanText | None = Field(
        default=None, description="`id` of the oldest message that is known; null = newest"
    )
    limit: Annotated[int, Field(ge=1, le=MAX_MESSAGES, description="messages in a page")] = 50
    from_phone: bool = Field(
        default=False, description="where the page has nothing older, ask the phone, which has to be on; takes seconds"
    )
