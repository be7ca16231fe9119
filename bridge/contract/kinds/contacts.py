"""Contact cards."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import PageText

RECEIVED = ReceivedKind(
    kind="contacts",
    types=("vcard", "multi_vcard"),
    noun=Noun("contact", "contacto", "👤"),
    fields={"contacts": list[PageText]},
)
