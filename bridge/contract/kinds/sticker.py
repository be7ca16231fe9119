"""Stickers, and packs of them; `body` is the name of a pack."""

from __future__ import annotations

from typing import ClassVar

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.kinds.received import Noun, ReceivedKind


class Sticker(MediaContent):
    """`{"sticker": {"sha256": "…"}}`: a WebP of 512 by 512 pixels, or a picture that WhatsApp makes one of."""

    kind: ClassVar = "sticker"
    field: ClassVar = "sticker"
    noun: ClassVar = "a sticker"
    option_help: ClassVar = "Send a picture as a sticker."
    families: ClassVar = ("image/",)


SENT = Sticker
RECEIVED = ReceivedKind(
    kind="sticker",
    types=("sticker", "sticker-pack"),
    noun=Noun("sticker", "sticker", ""),
    fields={"media": Media},
)
