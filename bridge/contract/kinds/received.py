"""What every kind of received message has in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel


class Noun(NamedTuple):
    """What people call it."""

    en: str
    es: str
    icon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedKind:
    """One kind of received message. The reader for each of its types stands in `drivers/web/page/kinds/<kind>.js`."""

    #: `kind` of an inbound message.
    kind: str
    #: WhatsApp's own types of it; `type` of an inbound message.
    types: tuple[str, ...]
    noun: Noun
    #: Its own fields in an inbound message: name -> type. Each is optional, and left null where it says nothing.
    fields: Mapping[str, type[BaseModel] | Any] = field(default_factory=dict)
    #: The field and subfield that hold its title, for example a file's name.
    title: tuple[str, str] | None = None
    #: Whether `body` is what the person wrote as a message of its own, or beside it.
    is_text: bool = False
    has_caption: bool = False
