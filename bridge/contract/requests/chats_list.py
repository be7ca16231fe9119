"""The list of chats, as WhatsApp's screen shows it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.messages import HistoryMessage
from bridge.contract.payload import CleanText, PageText, Payload
from bridge.contract.requests.request import Request

MAX_CHATS = 200


class ChatEntry(Payload):
    """A chat and its marks."""

    chat: str = Field(description="the chat's address: write to this")
    name: PageText | None = Field(default=None, description="its title on WhatsApp's screen")
    group: bool = Field(description="whether it is a group")
    unread: int = Field(description="number of unread messages; -1 = marked as unread by hand")
    archived: bool = Field(description="whether it is in the archive")
    pinned: bool = Field(description="whether it is pinned to the top")
    muted_until: int | None = Field(default=None, description="unix seconds; -1 = for good, null = not muted")
    at: int | None = Field(default=None, description="unix seconds of its newest message")
    last: HistoryMessage | None = Field(
        default=None, description="its newest message that the page has in memory, in the form of `chats.history`"
    )


class ChatPage(Payload):
    """A page of the list of chats."""

    chats: list[ChatEntry] = Field(description="newest first")
    next: str | None = Field(default=None, description="`after` of the next page; null = this is the last one")


class ChatList(Request):
    """As WhatsApp's screen lists them, without channels and broadcasts."""

    summary: ClassVar = "List the chats, newest first, in pages."
    example: ClassVar = {"limit": 20}
    reads: ClassVar = True
    data: ClassVar = ChatPage

    action: Literal["chats.list"] = "chats.list"
    after: CleanText | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=MAX_CHATS, description="chats in a page")] = 50
    search: Annotated[CleanText, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="only chats with this in their name or number"
    )
