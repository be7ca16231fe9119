"""Changes of the account's own profile."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints
from typing_extensions import override

from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import CleanText
from bridge.contract.requests.picture import PictureRequest

#: WhatsApp's own limits.
MAX_NAME, MAX_ABOUT = 25, 139


class ProfileSet(PictureRequest):
    """At least one of them; the others stay. Everybody who knows the account sees it."""

    summary: ClassVar = "Change the account's name, about text or picture."
    example: ClassVar = {"about": "Lunes a viernes de 9 a 18"}
    changes: ClassVar = True

    action: Literal["profile.set"] = "profile.set"
    name: Annotated[CleanText, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)] | None = (
        Field(default=None, description="the name that others see")
    )
    about: Annotated[CleanText, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ABOUT)] | None = (
        Field(default=None, description="its words about itself")
    )

    @override
    def check(self) -> None:
        super().check()
        if self.name is None and self.about is None and self.picture is None:
            raise InvalidRequest("name, about or picture is needed.")
