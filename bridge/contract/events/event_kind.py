"""The description of one kind of event. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """One kind of event. The page's part is in `drivers/web/page/events/<kind>.js`."""

    #: `kind` of an event.
    kind: str
    #: One sentence for the generated documentation.
    summary: str
    #: Its own fields: name -> type. Kinds that share a name share the type.
    fields: Mapping[str, Any] = field(default_factory=dict)
