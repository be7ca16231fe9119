"""Places on the map."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from bridge.contract.kinds.content import Content
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import CleanText, PageText, Payload, StrictPayload


class Location(StrictPayload, Content):
    """`{"location": {"latitude": -34.6037, "longitude": -58.3816, "name": "Obelisco"}}`, in degrees."""

    kind: ClassVar = "location"
    field: ClassVar = "location"
    metavar: ClassVar = "LATITUDE,LONGITUDE[,NAME[,ADDRESS]]"
    option_help: ClassVar = "Send a place instead of a text."

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    name: Annotated[CleanText, Field(max_length=1000)] | None = None
    address: Annotated[CleanText, Field(max_length=1000)] | None = None

    @property
    @override
    def summary(self) -> str:
        return self.name or self.address or f"{self.latitude:.5f}, {self.longitude:.5f}"

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        latitude, longitude, *rest = (part.strip() for part in text.split(",", 3))
        return {
            "latitude": float(latitude),
            "longitude": float(longitude),
            **dict(zip(("name", "address"), rest, strict=False)),
        }


class Place(Payload):
    """A place in an inbound message, in degrees."""

    latitude: float
    longitude: float
    name: PageText | None = None


SENT = Location
RECEIVED = ReceivedKind(
    kind="location", types=("location",), noun=Noun("location", "ubicación", "📍"), fields={"location": Place}
)
