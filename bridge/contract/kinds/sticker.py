"""Stickers, and packs of them; `body` is the name of a pack."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="sticker",
    types=("sticker", "sticker-pack"),
    noun=Noun("sticker", "sticker", ""),
    fields={"media": Media},
)
