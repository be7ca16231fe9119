"""Voice messages, recorded while speaking."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="voice",
    types=("ptt",),
    noun=Noun("voice message", "mensaje de voz", "🎤"),
    fields={"media": Media},
)
