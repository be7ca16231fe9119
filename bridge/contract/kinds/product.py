"""Products of a catalogue; `body` is the title, the description and the text beside it."""

from __future__ import annotations

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="product",
    types=("product",),
    noun=Noun("product", "producto", "🛍️"),
    fields={"media": Media},
)
