"""The ports of webhooks: who listens, what could not be delivered, and the way out to a callback URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bridge.contract.messages import Stream

#: The kind under which an inbound message goes to listeners; the others are the kinds of `event`.
MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class WebhookFilter:
    """What a listener wants: kinds of item, chats (None = all), and whether groups are among them."""

    kinds: frozenset[str] = frozenset({MESSAGE})
    chats: frozenset[str] | None = None
    groups: bool = True

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that hold what is wanted."""
        wanted = [Stream.IN] if MESSAGE in self.kinds else []
        return (*wanted, Stream.EVENT) if self.kinds - {MESSAGE} else tuple(wanted)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a listener began in a store: it gets what comes after, unless its cursor is further."""

    epoch: str
    seq: int = 0
    event_seq: int = 0

    def of(self, stream: Stream) -> int:
        """The last item of a stream that it does not get."""
        return self.seq if stream is Stream.IN else self.event_seq


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered callback URL. `ended_at` = unregistered then, and forgotten a while later.

    `paused_at` = it keeps its place and gets nothing. `start` None = to be set to "now" when the session's store is
    there. `legacy` = registered on the legacy path.
    """

    id: str
    session: str
    url: str
    created_at: float
    choice: WebhookFilter = field(default_factory=WebhookFilter)
    secret: str | None = None
    legacy: bool = False
    start: Position | None = None
    ended_at: float | None = None
    paused_at: float | None = None

    @property
    def active(self) -> bool:
        """Whether it is registered."""
        return self.ended_at is None

    @property
    def delivering(self) -> bool:
        """Whether items are delivered to it."""
        return self.active and self.paused_at is None

    @property
    def reader(self) -> str:
        """Name of its cursors in the journal."""
        return f"listener:{self.id}"


class Failure(StrEnum):
    """Why a post got no answer."""

    TIMED_OUT = "timed_out"
    HOST_UNKNOWN = "host_unknown"  # its name leads nowhere
    CONNECTION_REFUSED = "connection_refused"  # nothing listens there
    TLS_FAILED = "tls_failed"  # mostly a certificate that nobody vouches for
    BROKEN_OFF = "broken_off"  # it hung up, or what it said is not HTTP
    UNREACHABLE = "unreachable"  # no way there
    FORBIDDEN = "forbidden"  # the URL leads to an address that callbacks must not reach


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An item that a listener refused for good. `body` is what was posted; `number` is 0 until it is stored.

    `status` or `failure` is what came of the last post, `error` the same as a sentence.
    """

    listener_id: str
    session: str
    url: str
    stream: Stream
    epoch: str
    seq: int
    body: str
    attempts: int
    status: int | None
    error: str
    at: float
    number: int = 0
    failure: Failure | None = None


class WebhookRepository(Protocol):
    """Listeners and dead letters of the whole bridge. Everything that returns is committed."""

    async def listeners(self) -> list[Webhook]:
        """Every listener that is not forgotten, oldest first."""
        ...

    async def put(self, listener: Webhook) -> None:
        """Store a listener, new or changed."""
        ...

    async def forget(self, listener_id: str) -> None:
        """Forget a listener; its dead letters stay."""
        ...

    async def bury(self, letter: DeadLetter) -> DeadLetter:
        """Store a dead letter, once for each listener and item; returns it with its number."""
        ...

    async def dead_letters(self, session: str, after: int, limit: int) -> list[DeadLetter]:
        """Dead letters of a session with a number above `after`, in order."""
        ...

    async def dead_letter(self, number: int) -> DeadLetter | None: ...

    async def remove_dead_letter(self, number: int) -> bool:
        """Remove one; returns whether it was there."""
        ...


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """What came of a post: a status, or why there is none. `retry_after` is seconds, where the receiver named it.

    `detail` is what the system said of a failure.
    """

    status: int | None = None
    failure: Failure | None = None
    retry_after: float | None = None
    detail: str = ""


class WebhookPost(Protocol):
    """The way out. Never raises for what the receiver or the network does."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostAnswer:
        """Post once: no redirect is followed, and the whole exchange has a time-out."""
        ...
