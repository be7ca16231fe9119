"""Voice messages, recorded while speaking."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.media_content import Flag, MediaContent
from bridge.contract.kinds.received import Noun, ReceivedKind


class Voice(MediaContent):
    """`{"voice": {"url": "https://…/aviso.ogg"}}`. What is not Ogg/Opus is converted by ffmpeg."""

    kind: ClassVar = "voice"
    field: ClassVar = "voice"
    noun: ClassVar = "a voice message, without caption"
    option_help: ClassVar = "Send a voice message; what is not Ogg/Opus is converted by ffmpeg."
    families: ClassVar = ("audio/",)
    containers: ClassVar = ("audio/ogg", "audio/mp4")
    icon: ClassVar = "🎤"

    view_once: Flag = Field(default=None, description="it can be viewed once")


SENT = Voice
RECEIVED = ReceivedKind(
    kind="voice",
    types=("ptt",),
    noun=Noun("voice message", "mensaje de voz", "🎤"),
    fields={"media": Media},
)
