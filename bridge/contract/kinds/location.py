"""Places on the map."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from typing_extensions import override

from bridge.contract.kinds.content import Content
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import CleanText, PageText, Payload, StrictPayload


def _without_minus_zero(degrees: float) -> float:
    return degrees + 0.0


class Location(StrictPayload, Content):
    """`{"location": {"latitude": -34.6037, "longitude": -58.3816, "name": "Obelisco"}}`, in degrees."""

    kind: ClassVar = "location"
    field: ClassVar = "location"
    noun: ClassVar = "a place on the map"
    metavar: ClassVar = "LATITUDE,LONGITUDE[,NAME[,ADDRESS]]"
    option_help: ClassVar = "Send a place instead of a text."

    latitude: Annotated[float, Field(ge=-90, le=90, description="degrees"), AfterValidator(_without_minus_zero)]
    longitude: Annotated[float, Field(ge=-180, le=180, description="degrees"), AfterValidator(_without_minus_zero)]
    name: Annotated[CleanText, Field(max_length=1000)] | None = Field(default=None, description="name of the place")
    address: Annotated[CleanText, Field(max_length=1000)] | None = Field(default=None, description="its address")

    @property
    @override
    def summary(self) -> str:
        place = self.name or self.address or f"{self.latitude:.5f}, {self.longitude:.5f}"
        return f"{RECEIVED.noun.icon} {place}"

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

    latitude: float = Field(description="degrees")
    longitude: float = Field(description="degrees")
    name: PageText | None = Field(default=None, description="name and address")


SENT = Location
RECEIVED = ReceivedKind(
    kind="location",
    types=("location",),
    noun=Noun("location", "ubicación", "📍"),
    fields={"location": Place},
    title=("location", "name"),
)
