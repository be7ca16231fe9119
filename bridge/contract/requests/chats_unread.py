"""The unread mark of a chat."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.request import ChatRequest


class MarkUnread(ChatRequest):
    """Only this account's devices show the mark; nothing is taken back from the people in the chat."""

    summary: ClassVar = "Mark a chat as unread."
    example: ClassVar = {"chat": "5491155500001"}
    changes: ClassVar = True

    action: Literal["chats.unread"] = "chats.unread"
