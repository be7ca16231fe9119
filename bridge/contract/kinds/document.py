"""Files of any type."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from bridge.contract.kinds.media import Media
from bridge.contract.kinds.media_content import Caption, MediaContent
from bridge.contract.kinds.received import Noun, ReceivedKind


class Document(MediaContent):
    """`{"document": {"sha256": "…", "filename": "factura.pdf"}}`: any file, unchanged."""

    kind: ClassVar = "document"
    field: ClassVar = "document"
    noun: ClassVar = "a file of any type"
    option_help: ClassVar = "Send a file of any type, unchanged."
    icon: ClassVar = "📄"

    caption: Caption | None = Field(default=None, description="text with it")


SENT = Document
RECEIVED = ReceivedKind(
    kind="document",
    types=("document",),
    noun=Noun("document", "documento", "📄"),
    fields={"media": Media},
    title=("media", "filename"),
    has_caption=True,
)
