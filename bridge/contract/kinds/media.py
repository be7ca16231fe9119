"""The field of all messages with a file."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from bridge.contract.payload import PageText, Payload, is_none


class MediaState(StrEnum):
    """Where the bytes of a file are."""

    PENDING = "pending"
    """They are being downloaded; an event `media` follows."""
    READY = "ready"
    """The bridge serves them at `url`."""
    FAILED = "failed"
    """They could not be downloaded; `media.get` tries again."""
    EXPIRED = "expired"
    """WhatsApp and the phone have them no longer, or the bridge has deleted them by age."""
    OFF = "off"
    """They are not downloaded, by the settings or since the message may be viewed once; `media.get` asks for them."""
    TOO_LARGE = "too_large"
    """They exceed `WA_MEDIA_LIMIT`."""


def _known(description: str) -> Any:
    return Field(default=None, exclude_if=is_none, description=description)


class Media(Payload):
    """A file that belongs to a message; `size` in bytes, `url` where the bridge serves it."""

    mimetype: PageText | None = Field(default=None, description="type of the file")
    size: int | None = Field(default=None, description="bytes")
    sha256: PageText | None = Field(default=None, description="SHA-256 of the file, 64 hexadecimal digits")
    url: PageText | None = Field(default=None, description="where the bridge serves it, for a limited time")
    filename: PageText | None = Field(default=None, description="name of a document")
    state: MediaState | None = _known("where its bytes are")
    width: int | None = _known("pixels")
    height: int | None = _known("pixels")
    seconds: float | None = _known("duration")
    pages: int | None = _known("pages of a document")
    view_once: bool | None = _known("true when the sender lets it be viewed once")
