"""The ports of measuring: what happened, told as it happens, and the book of what the charts show.

`Metrics` is called from everywhere: its calls are cheap, never wait and never raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.topics import Leaf


class Step(StrEnum):
    """Parts of a message's way that are timed."""

    JOURNAL = "journal"  # from the driver's hand to the disk
    PUBLISH = "publish"  # from the disk to the broker's PUBACK
    CLAIM = "claim"  # a command, from the door to the disk
    SEND = "send"  # from the claim to WhatsApp's server
    DELIVER = "deliver"  # from WhatsApp's server to the device
    READ = "read"  # from the device to the reader's eye
    WEBHOOK = "webhook"  # one post, to its answer


class PostOutcome(StrEnum):
    """What came of a post to a listener."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"


class Metrics(Protocol):
    """Who counts. `session` is a configured name, so that labels stay few."""

    def received(self, session: str, stream: Stream, kind: str, count: int = 1) -> None:
        """Items were journalled; `kind` is WhatsApp's type, or the event's kind."""
        ...

    def repeated(self, session: str, count: int) -> None:
        """Messages came that the journal had already."""
        ...

    def published(self, session: str, stream: Stream, count: int) -> None:
        """Items have their PUBACK."""
        ...

    def reached(self, session: str, state: SendState, code: str | None = None) -> None:
        """A command reached a state."""
        ...

    def posted(self, session: str, outcome: PostOutcome) -> None:
        """A post to a listener ended."""
        ...

    def empty(self, session: str, leaf: Leaf) -> None:
        """An empty payload on a command topic was ignored."""
        ...

    def took(self, session: str, step: Step, seconds: float) -> None:
        """A step was done in so many seconds."""
        ...


class ChartRow(NamedTuple):
    """What happened in one minute (`minute` = unix seconds / 60); `counts` is `bridge.metrics.charts`'s own JSON."""

    session: str
    minute: int
    counts: str


class ChartRepository(Protocol):
    """Minutes of every session. Raises `StoreUnusable`."""

    async def minutes(self, after: int) -> list[ChartRow]:
        """The minutes above `after`."""
        ...

    async def keep_minutes(self, rows: Sequence[ChartRow], after: int) -> None:
        """Store minutes, new or changed, and forget those up to `after`."""
        ...
