"""Audio files."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="audio",
    types=("audio",),
    noun=Noun("audio", "audio", "🎤"),
    fields={"media": Media},
)
