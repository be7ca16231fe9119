"""One chat, as the list of chats shows it."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.chats_list import ChatEntry
from bridge.contract.requests.request import ChatRequest


class ChatGet(ChatRequest):
    """Of a person without a chat it is `invalid`, with `no_such_chat`."""

    summary: ClassVar = "Read one chat and its marks: unread, archived, muted, pinned."
    example: ClassVar = {"chat": "5491155500001"}
    reads: ClassVar = True
    data: ClassVar = ChatEntry

    action: Literal["chats.get"] = "chats.get"
