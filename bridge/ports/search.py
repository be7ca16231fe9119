"""The port to the full text of a session's messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.contract.messages import Stream


@dataclass(frozen=True, slots=True)
class TextQuery:
    """What is searched for: messages with all of `words`, the last of which may go on.

    `chats` None = every chat. `since` and `until` are unix seconds of the message, `until` not included. `from_me`
    None = both directions. `before` = only items journalled before this one, by `FoundMessage.item`.
    """

    words: tuple[str, ...]
    chats: frozenset[str] | None = None
    since: float | None = None
    until: float | None = None
    from_me: bool | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message that was found. `body` is the JSON of its item in the stream, as it was journalled.

    `snippet`: a part of its text, or of the name of its file, in pieces; those that are True were searched for.
    """

    item: int
    stream: Stream
    seq: int
    body: str
    snippet: Sequence[tuple[str, bool]] = field(default=())


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Messages, newest first. `more`: there are older ones. `complete`: everything that is journalled was searched."""

    messages: Sequence[FoundMessage]
    more: bool
    complete: bool


class MessageIndex(Protocol):
    """The full text of the messages of one session, of both streams."""

    async def find(self, query: TextQuery) -> FoundPage:
        """Messages by their text as it is now: edited ones with the last text, revoked and erased ones not at all.

        Raises `LimitReached` for a search that takes too long.
        """
        ...
