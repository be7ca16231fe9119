"""Round video messages."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="video_note",
    types=("ptv",),
    noun=Noun("video message", "videomensaje", "🎥"),
    fields={"media": Media},
)
