"""The list of chats, as WhatsApp's screen shows it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import CleanText
from bridge.contract.requests.request import Request

MAX_CHATS = 200


class ChatList(Request):
    """`data` is `{chats: [{chat, name, group, unread, archived, pinned, muted_until, at, last}], next}`.

    `at` and `muted_until` are unix seconds; `muted_until` -1 = for good. `unread` -1 = marked as unread by hand.
    `last` is the newest message that the page has in memory, in the form of `chats.history`, or null. `next` is null
    on the last page.
    """

    summary: ClassVar = "List the chats, newest first, in pages."
    example: ClassVar = {"limit": 20}
    reads: ClassVar = True

    action: Literal["chats.list"] = "chats.list"
    after: CleanText | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=MAX_CHATS, description="chats in a page")] = 50
    search: Annotated[CleanText, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="only chats with this in their name or number"
    )
