"""The port to the durable requests of a session: those that change something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bridge.ports.outbox import CommandOrigin, NewNotice, ReplyTo


@dataclass(frozen=True, slots=True)
class RequestClaim:
    """A request to be claimed. `arguments` is JSON, for people who look; long texts are left out. Unix seconds."""

    id: str
    action: str
    arguments: str
    content_hash: str
    claimed_at: float
    reply_to: ReplyTo | None = None
    transaction: str | None = None
    origin: CommandOrigin | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A claimed request. `response` is its JSON, None until it is known."""

    number: int
    claim: RequestClaim
    response: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedRequest:
    """Outcome of a claim. `fresh` = new row, else the earlier one; `conflict` = it has other content."""

    row: RequestRow
    fresh: bool
    conflict: bool = False


class RequestLedger(Protocol):
    """Requests of one session that change something. Everything that returns is committed."""

    async def claim(
        self, claim: RequestClaim, on_new_row: Callable[[RequestRow], None] | None = None
    ) -> ClaimedRequest:
        """Store a request, unless its id or its redelivered origin is known.

        `on_new_row` gets each new row in the event loop, in claim order, even if the caller was cancelled.
        """
        ...

    async def answer(self, number: int, response: NewNotice, at: float) -> None:
        """Store the response of a row, to be published too."""
        ...

    async def get(self, number: int) -> RequestRow | None:
        """The row of this number."""
        ...

    async def unanswered(self) -> list[RequestRow]:
        """Rows without a response, in claim order."""
        ...
