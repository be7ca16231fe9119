"""Labels of a WhatsApp Business account."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bridge.contract.payload import PageText, Payload
from bridge.contract.requests.request import Request


class Label(Payload):
    """A label and its chats."""

    label: str = Field(description="the label's id")
    name: PageText = Field(description="its name")
    color: str | None = Field(default=None, description="its colour, as `#rrggbb`")
    chats: list[str] = Field(description="addresses of the chats that have it")


class LabelPage(Payload):
    """All labels of the account."""

    labels: list[Label] = Field(description="in WhatsApp's order")


class LabelList(Request):
    """An account without WhatsApp Business has none: `unsupported`."""

    summary: ClassVar = "List the labels of a business account, with their chats."
    reads: ClassVar = True
    data: ClassVar = LabelPage

    action: Literal["labels.list"] = "labels.list"
