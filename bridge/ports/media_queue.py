"""The port to the files that came with messages: which are known, and which are still to be downloaded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.contract.kinds.media import MediaState


@dataclass(frozen=True, slots=True)
class NewMedia:
    """The file of a message that is about to be journalled, as WhatsApp describes it; `sha256` as in `MediaStore`."""

    message_id: str
    chat: str
    state: MediaState
    sha256: str | None = None
    size: int | None = None
    mimetype: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class ReceivedMedia:
    """The file of a journalled message. With `ready`, `sha256`, `size` and `mimetype` are those of its bytes.

    `attempts` counts the downloads that were begun; with `pending`, the next one may begin at `due` (unix seconds).
    """

    number: int
    message_id: str
    chat: str
    state: MediaState
    sha256: str | None
    size: int | None
    mimetype: str | None
    filename: str | None
    attempts: int
    due: float


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A profile picture that is stored. `contact` is the address that was asked for, `tag` WhatsApp's mark of it."""

    contact: str
    tag: str
    sha256: str
    size: int
    mimetype: str


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that a command sends or has sent. `mimetype` is known once it was prepared."""

    sha256: str
    mimetype: str | None
    filename: str | None


@dataclass(frozen=True, slots=True)
class MediaChange:
    """A new state of a file, and the event that reports it (JSON of `EventBody`). `url` goes into its message, too."""

    state: MediaState
    event: str
    url: str | None = None
    sha256: str | None = None
    size: int | None = None
    mimetype: str | None = None


class MediaQueue(Protocol):
    """The files of one session's messages, and its profile pictures.

    A message's file enters with the message: `Journal.append`, `Journal.append_event`. Everything that returns is
    committed.
    """

    @property
    def waiting(self) -> int:
        """Pending files when `due` was last called."""
        ...

    async def due(self, limit: int, begun: Collection[int]) -> Sequence[ReceivedMedia]:
        """Files to download now, the newest message first, without those in `begun` (numbers)."""
        ...

    async def next_due(self, begun: Collection[int]) -> float | None:
        """When the next file not in `begun` is due (unix seconds); None if none is pending."""
        ...

    async def wait(self, seconds: float | None) -> None:
        """Return when a pending file was added or asked for, or after `seconds`."""
        ...

    async def begin(self, number: int) -> None:
        """Count an attempt to download it."""
        ...

    async def postpone(self, number: int, due: float, *, counted: bool = True) -> None:
        """Try a pending file again at `due` (unix seconds). `counted` False takes its last attempt back."""
        ...

    async def finish(self, number: int, change: MediaChange) -> bool:
        """Store a new state with its event. False, and nothing is stored, if the file is no longer `pending`."""
        ...

    async def add(self, media: NewMedia) -> None:
        """Add the file of a message that is not in the journal; nothing if it is known."""
        ...

    async def ask(self, number: int, *, lost: bool = False) -> None:
        """Make a file that is neither `ready` nor `pending` pending and due now, with no attempt counted.

        `lost`: its bytes are not here, so that a `ready` one is asked for, too.
        """
        ...

    async def expire(self, sha256: str, change: MediaChange, message_id: str) -> None:
        """Store that a `ready` file was deleted here, with its event."""
        ...

    async def find(self, message_id: str) -> ReceivedMedia | None:
        """The file of a message, by its id as published."""
        ...

    async def of_file(self, sha256: str) -> Sequence[ReceivedMedia]:
        """The messages with this file that is `ready`, newest first."""
        ...

    async def sent_with(self, sha256: str) -> SentFile | None:
        """The newest command with this file, if there is one."""
        ...

    async def picture_of(self, contact: str) -> KeptPicture | None:
        """The profile picture of an address."""
        ...

    async def picture_with(self, sha256: str) -> KeptPicture | None:
        """A profile picture that is this file."""
        ...

    async def keep_picture(self, picture: KeptPicture) -> None:
        """Store a profile picture in place of the one before."""
        ...

    async def forget_picture(self, contact: str) -> None:
        """Delete what is stored of an address's picture."""
        ...

    async def recent(self, before: int | None, limit: int) -> Sequence[ReceivedMedia]:
        """Files below number `before`, newest message first."""
        ...
