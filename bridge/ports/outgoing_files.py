"""Ports for the files of commands: what fetches them, and what converts them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bridge.contract.errors import CodedError


class FileNotFetched(CodedError):
    """A URL did not give its file now; it may do so later. The sentence says why."""

    code = "not_fetched"


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that is being fetched. `mimetype` and `filename` are what its server says, if anything.

    `parts` raises as `fetch` does.
    """

    parts: AsyncIterator[bytes]
    mimetype: str | None = None
    filename: str | None = None


class FetchesFiles(Protocol):
    """Fetches the files that commands name by a URL."""

    def fetch(self, url: str, limit: int) -> AbstractAsyncContextManager[FetchedFile]:
        """Request a file. Raises `FileNotFetched`; `MediaUnavailable` where a repetition makes no sense, as for an
        address that must not be reached; `TooLarge` for more than `limit` bytes, as announced.
        """
        ...


class ConvertsVoice(Protocol):
    """Makes voice messages of audio files."""

    def convert(self, path: Path) -> AbstractAsyncContextManager[Path]:
        """The same as Ogg/Opus, in a file that may be moved and goes with the context.

        Raises `Unsupported` where nothing can convert it, `MediaUnsupported` for what is no audio.
        """
        ...
