"""Kinds of content: one file per kind, and the only list of them in Python.

A kind's module has `RECEIVED`, how it is received, and `SENT`, the content that a command may carry, or one of them.
To add a kind: `contract/kinds/<kind>.py`, `drivers/web/page/kinds/<kind>.js`, its golden file, and its name below.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from pydantic import BaseModel

from bridge.contract.kinds import (
    audio,
    buttons,
    contacts,
    document,
    edit,
    event,
    forward,
    gif,
    image,
    invite,
    lists,
    live_location,
    location,
    order,
    payment,
    poll,
    product,
    reaction,
    revoke,
    sticker,
    text,
    unknown,
    video,
    video_note,
    voice,
)
from bridge.contract.kinds.act import Act, names_chat
from bridge.contract.kinds.content import Content, dump_content
from bridge.contract.kinds.media_content import MAX_INLINE
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.kinds.system import SYSTEM_TYPES, SYSTEM_VARIANTS
from bridge.contract.kinds.text import ERASED_TEXT, MAX_TEXT, Text
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers

_MODULES = (
    *(text, image, video, gif, video_note, audio, voice, sticker, document, location, live_location, contacts),
    *(poll, event, invite, lists, buttons, order, product, payment, unknown),
    *(reaction, edit, revoke, forward),
)
#: What can be sent, in the order in which it is documented.
KINDS: tuple[type[Content], ...] = tuple(module.SENT for module in _MODULES if hasattr(module, "SENT"))
#: What is received.
RECEIVED: tuple[ReceivedKind, ...] = tuple(module.RECEIVED for module in _MODULES if hasattr(module, "RECEIVED"))

BY_FIELD = {kind.field: kind for kind in KINDS}
#: The kind of a message by its `kind`, or by its `type`, for messages without `kind`.
BY_NAME = {kind.kind: kind for kind in RECEIVED} | {
    name: kind for kind in RECEIVED if kind.variant is None for name in kind.types
}
#: What WhatsApp's type alone does not decide: name -> the type, and the field and its value that decide.
VARIANTS = {kind.kind: (kind.types[0], *kind.variant) for kind in RECEIVED if kind.variant} | SYSTEM_VARIANTS
#: Every field that a kind adds to an inbound message.
RECEIVED_FIELDS: dict[str, Any] = {name: model for kind in RECEIVED for name, model in kind.fields.items()}


@functools.lru_cache(256)  # a row is read several times on its way to the final result
def load_content(stored: str) -> tuple[Content, Modifiers]:
    """Content and modifiers as `dump_content` wrote them; an empty text for one that was erased."""
    if not stored:
        return ERASED_TEXT, NO_MODIFIERS
    fields = json.loads(stored)
    [field] = fields.keys() & BY_FIELD.keys()
    content = load_field(field, fields.pop(field))
    return content, Modifiers.model_validate(fields) if fields else NO_MODIFIERS


def load_field(field: str, value: object) -> Content:
    """The content of a command's field. Raises pydantic's `ValidationError`."""
    model = BY_FIELD[field]
    assert issubclass(model, BaseModel)  # noqa: S101 - each kind is its own model
    content: Content = model.model_validate(value)
    return content


__all__ = [
    "BY_FIELD",
    "BY_NAME",
    "KINDS",
    "MAX_INLINE",
    "MAX_TEXT",
    "RECEIVED",
    "RECEIVED_FIELDS",
    "SYSTEM_TYPES",
    "VARIANTS",
    "Act",
    "Content",
    "Noun",
    "ReceivedKind",
    "Text",
    "dump_content",
    "load_content",
    "load_field",
    "names_chat",
]
