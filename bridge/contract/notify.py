"""The people and groups to whom Home Assistant can send by a notify entity, as WA_HA_NOTIFY names them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import parse_recipient
from bridge.contract.text_normalize import unaccented

_NOT_IN_A_KEY = re.compile(r"[^a-z0-9]+")
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class NotifyTarget:
    """One of them: `name` as a person reads it, `to` an address in its normal form."""

    name: str
    to: str

    @property
    def key(self) -> str:
        """The end of its entity's id: `José Pérez` is `jose_perez`."""
        return _NOT_IN_A_KEY.sub("_", unaccented(self.name)).strip("_")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `Ana=5491155500001` or `Casa=120363000000000001@g.us`. Raises ValueError."""
        name, separator, recipient = (part.strip() for part in text.partition("="))
        if not separator or not name or len(name) > _LONGEST:
            raise ValueError(f"{text[:80]!r} is not Name=number, for example Ana=5491155500001")
        try:
            found = cls(name, str(parse_recipient(recipient)))
        except InvalidRequest as error:
            raise ValueError(f"{name}: {error}") from error
        if not found.key:
            raise ValueError(f"{name!r} has no letter or digit, from which the entity gets its name")
        return found

    @classmethod
    def parse_list(cls, text: str) -> tuple[Self, ...]:
        """Parse a comma list; none is an empty one. Raises ValueError."""
        targets = tuple(cls.parse(part) for part in text.split(",") if part.strip())
        keys = [target.key for target in targets]
        if double := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"names {double!r} twice; accents, capitals and signs do not count")
        return targets

    def __str__(self) -> str:
        return f"{self.name}={self.to}"
