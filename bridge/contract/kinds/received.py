"""The description of one kind of received message. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel


class Noun(NamedTuple):
    """Its name for people."""

    en: str
    es: str
    icon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedKind:
    """One kind of received message. The readers for its types are in `drivers/web/page/kinds/<kind>.js`."""

    #: `kind` of an inbound message.
    kind: str
    #: WhatsApp's own types of it; `type` of an inbound message.
    types: tuple[str, ...]
    #: Where its type alone is another kind: the field of WhatsApp's message, and its value, that make it this kind.
    variant: tuple[str, bool | str] | None = None
    noun: Noun
    #: Its own fields in an inbound message: name -> type. Each is optional, null where it has no value.
    fields: Mapping[str, type[BaseModel] | Any] = field(default_factory=dict)
    #: The field and subfield that hold its title, for example a file's name.
    title: tuple[str, str] | None = None
    #: Whether `body` is a message of its own, or a caption beside it.
    is_text: bool = False
    has_caption: bool = False
