"""The read mark of a chat."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.request import ChatRequest


class MarkRead(ChatRequest):
    """The people in the chat see blue ticks, where they and this account show them."""

    summary: ClassVar = "Mark a chat as read."
    changes: ClassVar = True
    example: ClassVar = {"chat": "5491155500001"}

    action: Literal["chats.read"] = "chats.read"
