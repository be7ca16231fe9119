"""Muted chats."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from bridge.contract.errors import InvalidRequest
from bridge.contract.requests.request import ChatRequest

#: The last second of the year 9999.
_LAST_SECOND = 253_402_300_799


class Mute(ChatRequest):
    """A muted chat gives no sound on this account's devices; its messages are published all the same."""

    summary: ClassVar = "Mute a chat, for a time or for good, or end that."
    example: ClassVar = {"chat": "5491155500001", "until": 1790000000}
    changes: ClassVar = True

    action: Literal["chats.mute"] = "chats.mute"
    on: bool = Field(default=True, description="false ends it")
    until: Annotated[int, Field(ge=1, le=_LAST_SECOND)] | None = Field(
        default=None, description="unix seconds at which it ends; null = for good"
    )

    @override
    def check(self) -> None:
        super().check()
        if not self.on and self.until is not None:
            raise InvalidRequest("until goes with on: true; a mute that ends now needs none.")
