"""Which files of received messages are downloaded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.contract.kinds.media import Media, MediaState

#: Kinds whose messages have a file that WhatsApp Web can download.
DOWNLOADABLE = ("image", "video", "gif", "video_note", "audio", "voice", "sticker", "document")
MEGABYTE = 10**6


class MediaMode(StrEnum):
    """When a file is downloaded."""

    AUTO = "auto"
    """When it comes."""
    ASK = "ask"
    """When `media.get` asks for it."""
    OFF = "off"
    """Never."""


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """`kinds` are downloaded without being asked for. `limit` and `inline` are bytes: the largest file that is
    downloaded, and the size below which the event has the bytes, too."""

    mode: MediaMode = MediaMode.AUTO
    kinds: frozenset[str] = frozenset(DOWNLOADABLE)
    limit: int = 64 * MEGABYTE
    inline: int = 0

    def first_state(self, kind: str | None, media: Media) -> MediaState:
        """The state of a file that has just come."""
        from bridge.contract.kinds.media import MediaState

        if self.mode is not MediaMode.AUTO or kind not in self.kinds or media.view_once:
            return MediaState.OFF
        if media.size is not None and media.size > self.limit:
            return MediaState.TOO_LARGE
        return MediaState.PENDING
