"""Pictures."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.media_content import Caption, Flag, MediaContent
from bridge.contract.kinds.received import Noun, ReceivedKind


class Image(MediaContent):
    """`{"image": {"url": "https://…/foto.jpg", "caption": "La fuga"}}`. WhatsApp draws it again, as JPEG."""

    kind: ClassVar = "image"
    field: ClassVar = "image"
    noun: ClassVar = "a picture"
    option_help: ClassVar = "Send a picture; WhatsApp draws it again as JPEG."
    families: ClassVar = ("image/",)
    icon: ClassVar = "📷"

    caption: Caption | None = Field(default=None, description="text with it")
    view_once: Flag = Field(default=None, description="it can be viewed once")
    hd: Flag = Field(default=None, description="up to 2560 pixels instead of 1600")


SENT = Image
RECEIVED = ReceivedKind(
    kind="image",
    types=("image",),
    noun=Noun("photo", "foto", "📷"),
    fields={"media": Media},
    has_caption=True,
)
