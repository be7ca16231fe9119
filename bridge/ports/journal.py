"""The port to the durable streams of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.contract.errors import CodedError
from bridge.contract.messages import Stream
from bridge.ports.media_queue import NewMedia

#: The reader whose cursors move over what has a PUBACK.
MQTT_READER = "mqtt"


class StoreUnusable(CodedError):
    """The session's database is damaged, too new or cannot be written; the sentence names the file."""

    code = "store_unusable"
    transient = False


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One inbound message to be journalled. `body` is the JSON of `MessageBody`.

    Duplicates are recognised by (`from_me`, `raw_id`, `author`), author None in a chat of two; where the same raw id
    came under another address form of the chat, equal `timestamp`, `type` and `content_hash` make it a duplicate too.
    """

    chat: str
    raw_id: str
    author: str | None
    timestamp: int
    type: str
    content_hash: str
    body: str
    from_me: bool = False
    #: Its file, which enters the `MediaQueue` with it.
    media: NewMedia | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """First and last seq of a stream: None and 0 when it is empty."""

    first: int | None
    last: int


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Stored items of a stream, in order: (seq, body JSON)."""

    items: tuple[tuple[int, str], ...]
    bounds: Bounds


class Journal(Protocol):
    """The durable streams of one session. Everything that returns is committed, except `move_cursor`."""

    @property
    def epoch(self) -> str:
        """The store's UUID; another one means that sequence numbers started again."""
        ...

    @property
    def remembers_from(self) -> int:
        """Keys of messages written before (unix seconds) are deleted: whether one was journalled is unknown."""
        ...

    @property
    def last_inbound_at(self) -> float | None:
        """Unix seconds when the newest inbound message was journalled; None for an empty stream."""
        ...

    async def append(self, records: Sequence[JournalRecord]) -> list[int | None]:
        """Journal messages in order and move each chat's watermark. Returns seqs, None for a duplicate."""
        ...

    async def append_event(
        self, body: str, *, kind: str = "other", once: str | None = None, media: NewMedia | None = None
    ) -> int | None:
        """Journal an event, counted as `kind`; with `once`, None if an event with that key was journalled before.

        `media` is the file of the message in it, which enters the `MediaQueue` with it.
        """
        ...

    async def read(self, stream: Stream, after: int, limit: int) -> StreamPage:
        """Items with a seq above `after`, at most `limit`."""
        ...

    def bounds(self, stream: Stream) -> Bounds:
        """First and last seq, from memory."""
        ...

    async def wait_beyond(self, stream: Stream, seq: int) -> None:
        """Return once the stream's last seq is above `seq`."""
        ...

    async def cursor(self, reader: str, stream: Stream) -> int:
        """The last seq that a durable reader has; 0 for a new reader."""
        ...

    async def move_cursor(self, reader: str, stream: Stream, seq: int) -> None:
        """Move a reader to `seq`: it has every item up to it. Stored with the next commit, within a second; after a
        kill before that the reader gets them again."""
        ...

    async def settle(self, reader: str, stream: Stream, seq: int, upto: int) -> None:
        """A reader has the item `seq`, and every item up to `upto`, which becomes its cursor."""
        ...

    async def settled(self, reader: str, stream: Stream) -> frozenset[int]:
        """The items beyond its cursor that a reader has."""
        ...

    async def forget_cursor(self, reader: str) -> None:
        """Delete a reader's cursors in both streams, and what it has beyond them."""
        ...

    async def watermarks(self) -> dict[str, int]:
        """Newest timestamp journalled in each chat."""
        ...

    async def level_watermarks(self) -> None:
        """Raise the watermark of an address to that of its chat's other address, once both were read completely.

        Catch-up starts at the older one: that of a number stays where it is once WhatsApp writes from the LID.
        """
        ...
