"""A place that moves: the sender shares it for a while; `body` is the text beside it."""

from __future__ import annotations

from bridge.contract.kinds.location import Place
from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(
    kind="live_location",
    types=("location",),
    variant=("isLive", True),
    noun=Noun("live location", "ubicación en tiempo real", "📍"),
    fields={"location": Place},
)
