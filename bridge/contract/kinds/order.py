"""Orders from a catalogue; `body` is the title and the text beside it."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="order",
    types=("order",),
    noun=Noun("order", "pedido", "🛒"),
)
