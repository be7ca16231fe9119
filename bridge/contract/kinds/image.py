"""Pictures."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="image",
    types=("image",),
    noun=Noun("photo", "foto", "📷"),
    fields={"media": Media},
    has_caption=True,
)
