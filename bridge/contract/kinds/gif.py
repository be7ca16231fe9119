"""Short silent films that repeat."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="gif",
    types=("video",),
    variant=("isGif", True),
    noun=Noun("GIF", "GIF", ""),
    fields={"media": Media},
    has_caption=True,
)
