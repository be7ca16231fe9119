"""What all messages with a file have in common."""

from __future__ import annotations

from bridge.contract.payload import PageText, Payload


class Media(Payload):
    """A file that belongs to a message; `size` in bytes, `url` where the bridge serves it."""

    mimetype: PageText | None = None
    size: int | None = None
    sha256: PageText | None = None
    url: PageText | None = None
    filename: PageText | None = None
