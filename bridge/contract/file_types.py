"""The type of a file by its first bytes: what a sender declares may be anything. Pure."""

from __future__ import annotations

import puremagic

#: Bytes that the decision needs at most.
HEAD = 4096
#: A type of nothing that is known.
BINARY = "application/octet-stream"
#: What a browser may show in a page: no script runs in these.
_SHOWN = ("image/jpeg", "image/png", "image/gif", "image/webp", "audio/", "video/")
#: Types that no first bytes identify, and that nothing executes.
_PLAIN = frozenset({"text/plain", "text/csv", "text/calendar", "text/vcard", "text/x-vcard", "application/json"})


def type_of(head: bytes, declared: str | None) -> str:
    """The MIME type of a file, from its first `HEAD` bytes.

    `declared` counts where the bytes agree, where they only name its container, or where it is plain text.
    """
    said = (declared or "").partition(";")[0].strip().lower()
    try:
        matches = [match.mime_type for match in puremagic.magic_string(head)]  # the likeliest first
    except (puremagic.PureError, ValueError):
        matches = []
    found, first = set(filter(None, matches)), matches[0] if matches else ""
    if said and (said in found or (first in _CONTAINERS and said.startswith(_CONTAINERS[first]))):
        return declared or said
    if first:
        return first
    return said if said in _PLAIN and _is_text(head) else BINARY


#: What the first bytes show of a container -> the types that it may contain.
_CONTAINERS = {
    "application/zip": ("application/vnd.", "application/zip", "application/x-zip", "application/epub"),
    "application/msword": ("application/vnd.", "application/msword"),
    "application/ogg": ("audio/ogg", "video/ogg"),
    "video/mp4": ("video/mp4", "audio/mp4", "audio/aac"),
    "audio/ogg": ("audio/ogg",),
}


def is_shown(mimetype: str) -> bool:
    """Whether a browser may show it where it is; anything else it must save."""
    return mimetype.startswith(_SHOWN)


def _is_text(head: bytes) -> bool:
    return b"\0" not in head
