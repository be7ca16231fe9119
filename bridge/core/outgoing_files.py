"""The files of commands: from a command, a URL or the store to a file that can be sent.

A file is checked by its bytes and stored before its message is sent. Until then nothing of it has left.
"""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from bridge.contract.errors import InvalidRequest, MediaUnavailable, TooLarge
from bridge.contract.file_types import HEAD
from bridge.contract.kinds.content import Content
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.kinds.voice import Voice
from bridge.ports import ConvertsVoice, FetchesFiles, MediaStore, StoredMedia

#: What WhatsApp's apps play as a voice message.
VOICE = "audio/ogg; codecs=opus"


class PreparesFiles(Protocol):
    """What the outbound half of a session needs for content with files."""

    async def keep(self, content: Content) -> Content:
        """The content as it is claimed: bytes that it has are in the store. Raises `MediaUnusable`."""
        ...

    async def prepare(self, content: Content) -> Content:
        """The content as it is sent: its file is stored and has a type and a name.

        Raises a `BridgeError` if it can never be sent, and `FileNotFetched` or `MediaUnusable` if it may be later.
        """
        ...

    def opened(self, content: Content) -> AbstractAsyncContextManager[Path | None]:
        """The file of prepared content, None for content without one. Raises `MediaUnavailable`, `MediaUnusable`."""
        ...


def has_file(content: Content) -> bool:
    """Whether content must be prepared before it is sent."""
    return isinstance(content, MediaContent)


class OutgoingFiles(PreparesFiles):
    """`PreparesFiles` over a store; `limit` is in bytes."""

    def __init__(self, store: MediaStore, fetcher: FetchesFiles, converter: ConvertsVoice, *, limit: int) -> None:
        self._store = store
        self._fetcher = fetcher
        self._converter = converter
        self._limit = limit

    @override
    async def keep(self, content: Content) -> Content:
        if not isinstance(content, MediaContent) or content.data is None:
            return content
        stored = await self._store.add(_one_part(content.decoded()), self._limit)
        return content.stored(stored.sha256)

    @override
    async def prepare(self, content: Content) -> Content:
        if not isinstance(content, MediaContent):
            return content
        declared, filename = content.mimetype, content.filename
        limit = min(self._limit, content.max_size or self._limit)
        try:
            if content.url is not None:
                async with self._fetcher.fetch(content.url, limit) as fetched:
                    stored = await self._store.add(fetched.parts, limit)
                    declared, filename = declared or fetched.mimetype, filename or fetched.filename
            else:
                stored = await self._found(content.sha256 or "")
            if stored.size > limit:
                raise TooLarge(f"The file has {stored.size:,} bytes.")
        except TooLarge as error:
            allows = "WA_MEDIA_LIMIT allows" if limit == self._limit else f"{content.noun} has at most"
            raise TooLarge(f"{error.text.rstrip('.')}; {allows} {limit:,}.") from error
        if stored.size == 0:
            raise InvalidRequest("The file is empty.")
        head = await self._head(stored.sha256)
        mimetype = content.type_of(head, declared or mimetypes.guess_type(filename or "")[0])
        if isinstance(content, Voice):
            if not _is_opus(head):
                stored = await self._converted(stored)
            mimetype, filename = VOICE, "voice.ogg"
        return content.stored(stored.sha256, mimetype, filename).named(mimetypes.guess_extension(mimetype) or "")

    @override
    @asynccontextmanager
    async def opened(self, content: Content) -> AsyncIterator[Path | None]:
        async with AsyncExitStack() as stack:
            path = None
            if isinstance(content, MediaContent):
                try:
                    path = await stack.enter_async_context(self._store.on_disk(content.sha256 or ""))
                except (FileNotFoundError, ValueError) as error:
                    raise _missing(content.sha256) from error
            yield path

    async def _found(self, sha256: str) -> StoredMedia:
        stored = await self._store.find(sha256)
        if stored is None:
            raise _missing(sha256)
        return stored

    async def _head(self, sha256: str) -> bytes:
        return b"".join([part async for part in self._store.read(sha256, 0, HEAD)])

    async def _converted(self, stored: StoredMedia) -> StoredMedia:
        async with self._store.on_disk(stored.sha256) as path, self._converter.convert(path) as converted:
            return await self._store.adopt(converted)


def _is_opus(head: bytes) -> bool:
    return head.startswith(b"OggS") and b"OpusHead" in head[:64]


def _missing(sha256: str | None) -> MediaUnavailable:
    return MediaUnavailable(f"The bridge has no file {(sha256 or '')[:12]}…: upload it (POST /v1/media).")


async def _one_part(content: bytes) -> AsyncIterator[bytes]:
    yield content
