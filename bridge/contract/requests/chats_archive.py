"""The archive of chats."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.requests.request import ChatRequest


class Archive(ChatRequest):
    """WhatsApp takes a pinned chat down when it is archived."""

    summary: ClassVar = "Put a chat into the archive, or take it out."
    example: ClassVar = {"chat": "5491155500001"}
    changes: ClassVar = True

    action: Literal["chats.archive"] = "chats.archive"
    on: bool = Field(default=True, description="false takes it out")
