"""Pinned chats."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.requests.request import ChatRequest


class Pin(ChatRequest):
    """WhatsApp lets a few chats be pinned, three as a rule; one more is `limit_reached`."""

    summary: ClassVar = "Pin a chat to the top of the list, or take it down."
    example: ClassVar = {"chat": "5491155500001"}
    changes: ClassVar = True

    action: Literal["chats.pin"] = "chats.pin"
    on: bool = Field(default=True, description="false takes it down")
