"""Films."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="video",
    types=("video",),
    noun=Noun("video", "video", "🎥"),
    fields={"media": Media},
    has_caption=True,
)
