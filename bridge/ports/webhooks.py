"""The ports of webhooks: what is registered, what could not be delivered, and how a post is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bridge.contract.messages import Stream

#: The kind under which an inbound message is delivered; the other kinds are those of `event`. `message.image` is that
#: of images only, and so on for each kind of content.
MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class WebhookFilter:
    """What a webhook gets: kinds of item, chats (None = all), and whether groups are included."""

    kinds: frozenset[str] = frozenset({MESSAGE})
    chats: frozenset[str] | None = None
    groups: bool = True

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that hold the filter's kinds."""
        messages = {kind for kind in self.kinds if kind.partition(".")[0] == MESSAGE}
        streams = [Stream.IN] if messages else []
        return (*streams, Stream.EVENT) if self.kinds - messages else tuple(streams)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a webhook begins in a store: it gets the items after it, unless its cursor is already further."""

    epoch: str
    seq: int = 0
    event_seq: int = 0

    def of(self, stream: Stream) -> int:
        """The last item of a stream that is not delivered."""
        return self.seq if stream is Stream.IN else self.event_seq


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered callback URL.

    `ended_at`: unregistered at that time, to be removed later. `paused_at`: the cursor is kept, nothing is delivered.
    `start` None: becomes "now" when the session's store opens. `legacy`: registered by the legacy endpoint.
    """

    id: str
    session: str
    url: str
    created_at: float
    filter: WebhookFilter = field(default_factory=WebhookFilter)
    secret: str | None = None
    legacy: bool = False
    start: Position | None = None
    ended_at: float | None = None
    paused_at: float | None = None

    @property
    def active(self) -> bool:
        """Whether it is registered; paused ones are."""
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
    """Why a post got no response."""

    TIMED_OUT = "timed_out"
    HOST_UNKNOWN = "host_unknown"  # the name could not be resolved
    CONNECTION_REFUSED = "connection_refused"  # nothing listens on that port
    TLS_FAILED = "tls_failed"  # mostly an untrusted certificate
    BROKEN_OFF = "broken_off"  # closed before a response was complete, or the response is not HTTP
    UNREACHABLE = "unreachable"  # no route to the host
    INTERNAL = "internal"  # a fault of the bridge; the log has it
    FORBIDDEN = "forbidden"  # the URL leads to an address that webhooks must not reach


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An item that a webhook refused permanently. `body` is what was posted; `number` is 0 until it is stored.

    `status` or `failure` is the outcome of the last post, `error` the same as a sentence.
    """

    webhook_id: str
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
    """Webhooks and dead letters of the whole bridge. Every write that returned is committed."""

    async def webhooks(self) -> list[Webhook]:
        """Every stored webhook, oldest first; unregistered ones until they are removed."""
        ...

    async def put(self, webhook: Webhook) -> None:
        """Store a new or changed webhook."""
        ...

    async def remove(self, webhook_id: str) -> None:
        """Remove a webhook; its dead letters stay."""
        ...

    async def put_dead_letter(self, dead_letter: DeadLetter) -> DeadLetter:
        """Store a dead letter, one per webhook and item; returns it with its number."""
        ...

    async def change_dead_letter(self, dead_letter: DeadLetter) -> None:
        """Store the outcome of another post, unless the dead letter of this number was removed meanwhile."""
        ...

    async def dead_letters(self, session: str, after: int, limit: int) -> list[DeadLetter]:
        """Dead letters of a session with a number above `after`, in order."""
        ...

    async def dead_letter(self, number: int) -> DeadLetter | None: ...

    async def remove_dead_letter(self, number: int) -> bool:
        """Remove a dead letter; returns whether it existed."""
        ...


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """The outcome of a post: a status, or why there is none.

    `retry_after` is in seconds, where the receiver sent it. `detail` is the system's text for a failure. `received`:
    the whole request was sent, so a receiver that failed to answer may have processed it. `beginning`: of the response.
    """

    status: int | None = None
    failure: Failure | None = None
    retry_after: float | None = None
    detail: str = ""
    received: bool = False
    beginning: bytes = b""


class WebhookPost(Protocol):
    """Makes posts. Never raises for what the receiver or the network does."""

    def timeout(self, *, legacy: bool) -> float:
        """Seconds for one whole exchange."""
        ...

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, legacy: bool = False) -> PostAnswer:
        """Post once. Redirects are not followed; the timeout, longer for `legacy`, covers the whole exchange."""
        ...
