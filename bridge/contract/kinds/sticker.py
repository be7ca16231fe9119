"""Stickers."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="sticker",
    types=("sticker",),
    noun=Noun("sticker", "sticker", ""),
    fields={"media": Media},
)
