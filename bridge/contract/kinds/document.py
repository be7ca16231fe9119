"""Files of any type."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="document",
    types=("document",),
    noun=Noun("document", "documento", "📄"),
    fields={"media": Media},
    title=("media", "filename"),
    has_caption=True,
)
