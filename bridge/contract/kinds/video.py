"""Films."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.media_content import Caption, Flag, MediaContent
from bridge.contract.kinds.received import Noun, ReceivedKind


class Video(MediaContent):
    """`{"video": {"sha256": "…", "caption": "La obra"}}`; `gif` has no sound, `note` is a round video message."""

    kind: ClassVar = "video"
    field: ClassVar = "video"
    noun: ClassVar = "a film"
    option_help: ClassVar = "Send a film."
    families: ClassVar = ("video/",)
    icon: ClassVar = "🎥"

    caption: Caption | None = Field(default=None, description="text with it")
    view_once: Flag = Field(default=None, description="it can be viewed once")
    gif: Flag = Field(default=None, description="repeats, without sound")
    note: Flag = Field(default=None, description="a round video message")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.gif and self.note:
            raise ValueError("is either gif or note")
        if self.note and self.caption:
            raise ValueError("note has no caption")
        return self


SENT = Video
RECEIVED = ReceivedKind(
    kind="video",
    types=("video",),
    noun=Noun("video", "video", "🎥"),
    fields={"media": Media},
    has_caption=True,
)
