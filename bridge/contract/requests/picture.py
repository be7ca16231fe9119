"""Pictures that a request gives to a group or to the account."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from bridge.contract.errors import MediaUnsupported
from bridge.contract.file_types import type_of
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.requests.request import Request

#: Bytes of the largest picture that is taken. WhatsApp Web makes a square of 640 points of any.
MAX_PICTURE = 10_000_000


class Picture(MediaContent):
    """`{"url": "https://…/logo.png"}`. WhatsApp Web cuts a square out of its middle and draws it again, as JPEG."""

    kind: ClassVar = "picture"
    field: ClassVar = "picture"
    noun: ClassVar = "a profile picture"
    families: ClassVar = ("image/",)
    max_size: ClassVar = MAX_PICTURE

    @override
    def type_of(self, head: bytes, declared: str | None) -> str:
        found = type_of(head, declared)
        if not found.startswith(self.families):
            raise MediaUnsupported(f"By its bytes the file is {found}, which is no picture.")
        return found


class PictureRequest(Request):
    """A request that may have a picture."""

    picture: Picture | None = Field(
        default=None, description="its picture: a file as in a command, `url`, `data` or `sha256`, up to 10 MB"
    )

    @override
    def check(self) -> None:
        super().check()
        if self.picture is not None:
            self.picture.check()

    @property
    @override
    def normal_arguments(self) -> dict[str, Any]:
        """With the picture's SHA-256 in the place of its bytes."""
        arguments = super().normal_arguments
        return arguments if self.picture is None else {**arguments, "picture": self.picture.identity[1]}
