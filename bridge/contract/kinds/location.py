"""Places on the map."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import PageText, Payload


class Place(Payload):
    """A place in an inbound message, in degrees."""

    latitude: float
    longitude: float
    name: PageText | None = None


RECEIVED = ReceivedKind(
    kind="location", types=("location",), noun=Noun("location", "ubicación", "📍"), fields={"location": Place}
)
