"""Audio files."""

from __future__ import annotations

from typing import ClassVar

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.kinds.received import Noun, ReceivedKind


class Audio(MediaContent):
    """`{"audio": {"url": "https://…/tema.mp3"}}`, which is played like music and not like a voice message."""

    kind: ClassVar = "audio"
    field: ClassVar = "audio"
    noun: ClassVar = "an audio file"
    option_help: ClassVar = "Send an audio file."
    families: ClassVar = ("audio/",)
    containers: ClassVar = ("audio/ogg", "audio/mp4")
    icon: ClassVar = "🎤"


SENT = Audio
RECEIVED = ReceivedKind(
    kind="audio",
    types=("audio",),
    noun=Noun("audio", "audio", "🎤"),
    fields={"media": Media},
)
