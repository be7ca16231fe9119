"""The field of all messages with a file."""

from __future__ import annotations

from pydantic import Field

from bridge.contract.payload import PageText, Payload


class Media(Payload):
    """A file that belongs to a message; `size` in bytes, `url` where the bridge serves it."""

    mimetype: PageText | None = Field(default=None, description="type of the file")
    size: int | None = Field(default=None, description="bytes")
    sha256: PageText | None = Field(default=None, description="SHA-256 of the file, base64")
    url: PageText | None = Field(default=None, description="where the bridge serves it")
    filename: PageText | None = Field(default=None, description="name of a document")
