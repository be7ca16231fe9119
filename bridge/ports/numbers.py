"""The port to what is known about numbers: whether they are on WhatsApp."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

#: Seconds for which an answer is kept: a number that is on WhatsApp stays there, another one may join at any time.
FOUND_LIFE, MISSING_LIFE = 24 * 3600.0, 3600.0


@dataclass(frozen=True, slots=True)
class CheckedNumber:
    """WhatsApp's answer about a number, by its normal form; `chat` is its address, None = not on WhatsApp."""

    number: str
    chat: str | None


class NumberStore(Protocol):
    """Answers about numbers, kept for their life."""

    async def checked(self, numbers: Iterable[str]) -> Mapping[str, CheckedNumber]:
        """The answers that are known and still valid, by number."""
        ...

    async def keep(self, answers: Iterable[CheckedNumber]) -> None:
        """Store answers that have just come. Durable on return."""
        ...
