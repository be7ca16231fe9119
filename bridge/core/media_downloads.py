"""Downloads the files of received messages in the background, the newest message first.

The bytes go from the driver's file into the store and are never in memory as a whole. Each step is repeated after a
crash: a file counts as `ready` only in the commit that reports it, and one that is stored already is not fetched again.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bridge.contract.backoff import Backoff
from bridge.contract.errors import CodedError, InvalidRequest, MessageNotFound, TooLarge, Unsupported
from bridge.contract.events import MEDIA, EventBody
from bridge.contract.file_types import HEAD, type_of
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds.media import MediaState
from bridge.contract.payload import instant
from bridge.contract.requests import MediaAnswer, MediaGet, Request
from bridge.contract.session import SessionState
from bridge.core.download_pace import DownloadPace
from bridge.core.media_policy import MediaMode
from bridge.core.people import People
from bridge.core.session_view import SessionView
from bridge.core.shared_media import SharedMedia
from bridge.ports import (
    Clock,
    DriverUnavailable,
    HasMedia,
    MediaChange,
    MediaGone,
    MediaQueue,
    MediaUnusable,
    NewMedia,
    ReceivedMedia,
    StoredMedia,
    StoreUnusable,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """`concurrent` downloads of a session; of a backlog of more, one by one (`DownloadPace`).

    A download may take `least` seconds, and one more for each `rate` bytes. After `attempts` failures a file is
    `failed`, or `expired` if the phone did not give it again. `unavailable`: seconds until a download is tried again
    that could not begin; `unusable`: that could not be stored.
    """

    concurrent: int = 3
    least: float = 60.0
    rate: int = 200_000
    attempts: int = 6
    pauses: Backoff = field(default_factory=lambda: Backoff(first=10.0, limit=3600.0, factor=4.0, jitter=0.2))
    unavailable: float = 5.0
    unusable: float = 60.0

    def time_of(self, size: int) -> float:
        """Seconds that a download of this many bytes may take."""
        return self.least + size / self.rate


class _Mismatch(CodedError):
    """What was downloaded is not the file that the message names."""

    code = "media_mismatch"


class MediaDownloads:
    """The downloads of one session. `random` returns a number between 0 and 1."""

    def __init__(
        self,
        session: str,
        queue: MediaQueue,
        driver: HasMedia,
        shared: SharedMedia,
        view: SessionView,
        people: People,
        clock: Clock,
        random: Callable[[], float],
        limits: DownloadLimits | None = None,
    ) -> None:
        self._session = session
        self._queue = queue
        self._driver = driver
        self._shared = shared
        self._view = view
        self._people = people
        self._clock = clock
        self._random = random
        self._limits = limits or DownloadLimits()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._files: set[str] = set()
        self._pace = DownloadPace()

    async def run(self) -> None:
        """Download until cancelled, while the session is connected. Raises what the queue raises."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._connected()
                room = self._limits.concurrent - len(self._running)
                waiting = await self._queue.due(2 * self._limits.concurrent, self._running) if room > 0 else ()
                is_backlog = len(waiting) > self._limits.concurrent
                for row in waiting:
                    if len(self._running) >= self._limits.concurrent or (is_backlog and self._pause() > 0):
                        break
                    if row.sha256 in self._files:
                        continue  # the same file, of another message: it is in the store afterwards
                    name = f"media {row.number} of {self._session}"
                    self._running[row.number] = task = tasks.create_task(self._take(row), name=name)
                    self._pace.began(row.number, self._clock.monotonic())
                    if row.sha256 is not None:
                        self._files.add(row.sha256)
                    task.add_done_callback(partial(self._ended, row))
                if is_backlog and (pause := self._pause()) > 0:
                    await self._rest(pause)
                else:
                    await self._wait()

    async def answer(self, request: Request) -> dict[str, Any]:
        """Carry out `media.get`; see `ask`."""
        assert isinstance(request, MediaGet)  # noqa: S101 - registered for it
        return (await self.ask(request.message_id)).model_dump(mode="json")

    async def ask(self, message_id: str) -> MediaAnswer:
        """Download the file of a message, unless it is here; returns what is known now.

        Raises `MessageNotFound` for a message without a file, `TooLarge`, and `Unsupported` where downloads are off;
        for a message that the bridge did not see come, also what `HasMedia.find_message` raises; `MediaUnusable`.
        """
        row = await self._queue.find(message_id) or await self._from_page(message_id)
        is_ready = row.state is MediaState.READY and row.sha256 is not None
        # a store that was restored or moved without its files has none of them
        if is_ready and row.sha256 is not None and await self._shared.store.find(row.sha256) is not None:
            return self._shared.answer(row, self._session, self._clock.now())
        policy = self._shared.policy
        if policy.mode is MediaMode.OFF:
            raise Unsupported("This bridge downloads no files (WA_MEDIA=off).")
        if row.size is not None and row.size > policy.limit:
            raise TooLarge(f"The file has {row.size:,} bytes; WA_MEDIA_LIMIT is {policy.limit:,}.")
        await self._queue.ask(row.number, lost=is_ready)
        return self._shared.answer(replace(row, state=MediaState.PENDING), self._session, self._clock.now())

    async def expire(self, sha256: str) -> None:
        """Report that a file is about to be deleted here, for each message that has it."""
        for row in await self._queue.of_file(sha256):
            event = await media_event(row, MediaState.EXPIRED, self._people, self._clock.now())
            await self._queue.expire(sha256, MediaChange(MediaState.EXPIRED, event.to_json()), row.message_id)

    async def _from_page(self, message_id: str) -> ReceivedMedia:
        """The file of a message from before the bridge, or of an older bridge. The page still has it."""
        with suppress(InvalidRequest):
            message = await self._driver.find_message(MessageKey.parse(message_id))
            media = None if message is None else message.content.media
            if message is not None and media is not None:
                known = (media.sha256, media.size, media.mimetype, media.filename)
                await self._queue.add(NewMedia(message_id, str(message.chat), MediaState.OFF, *known))
        row = await self._queue.find(message_id)
        if row is None:
            raise MessageNotFound("There is no file of such a message.")
        return row

    def _ended(self, row: ReceivedMedia, _: asyncio.Task[None]) -> None:
        del self._running[row.number]
        self._files.discard(row.sha256 or "")
        self._pace.ended(row.number, self._clock.monotonic())

    def _pause(self) -> float:
        return self._pace.pause(self._clock.monotonic())

    async def _rest(self, seconds: float) -> None:
        """Before the next file of a backlog: until a download ends, which may shorten the pause, at most `seconds`."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def _connected(self) -> None:
        with self._view.watch() as changes:
            while self._view.situation.state is not SessionState.CONNECTED:
                await changes.get()

    async def _wait(self) -> None:
        """Until there may be something to begin: a file came or is due, or a download ended."""
        seconds: float | None = None
        if len(self._running) < self._limits.concurrent:
            due = await self._queue.next_due(self._running)
            if due is not None:
                seconds = max(0.0, due - self._clock.now())
                if seconds == 0 and self._running:
                    seconds = None  # it waits for the same file
        waits = [asyncio.create_task(self._queue.wait(seconds), name="media queue"), *self._running.values()]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waits[0].cancel()

    async def _take(self, row: ReceivedMedia) -> None:
        if row.size is not None and row.size > self._shared.policy.limit:
            await self._finish(row, MediaState.TOO_LARGE)
            return
        await self._queue.begin(row.number)
        attempts = row.attempts + 1
        try:
            await self._store(row)
        except MediaGone as error:
            await self._failed(row, attempts, MediaState.EXPIRED, error, final=error.final)
        except TooLarge:
            await self._finish(row, MediaState.TOO_LARGE)
        except (DriverUnavailable, MediaUnusable) as error:
            _log.info("%s: a file waits: %s", self._session, error.text)
            pause = self._limits.unusable if isinstance(error, MediaUnusable) else self._limits.unavailable
            await self._queue.postpone(row.number, self._clock.now() + pause, counted=False)
        except StoreUnusable:
            raise
        except CodedError as error:
            await self._failed(row, attempts, MediaState.FAILED, error)

    async def _failed(
        self, row: ReceivedMedia, attempts: int, state: MediaState, error: CodedError, *, final: bool = False
    ) -> None:
        if final or attempts >= self._limits.attempts:
            _log.warning("%s: a file is %s: %s", self._session, state, error.text)
            await self._finish(row, state)
            return
        _log.info("%s: a file was not downloaded (attempt %d): %s", self._session, attempts, error.text)
        pause = self._limits.pauses.pause(attempts, self._random())
        await self._queue.postpone(row.number, self._clock.now() + pause)

    async def _store(self, row: ReceivedMedia) -> None:
        store, storing = self._shared.store, self._shared.storing
        if row.sha256 is not None:
            async with storing.store():
                if (known := await store.find(row.sha256)) is not None:
                    await self._ready(row, known)
                    return
        limit = self._shared.policy.limit
        seconds = self._limits.time_of(limit if row.size is None else row.size)
        async with self._driver.download(MessageKey.parse(row.message_id), limit, seconds) as path, storing.store():
            stored = await store.adopt(path)
            is_right = row.sha256 in (None, stored.sha256)
            is_taken = is_right and await self._ready(row, stored)
        if not is_taken:
            await self._drop(stored)
        if not is_right:
            raise _Mismatch("The bytes are not those that the message names.")

    async def _ready(self, row: ReceivedMedia, stored: StoredMedia) -> bool:
        """Report the file as ready; returns False if its message was erased meanwhile."""
        head = b"".join([part async for part in self._shared.store.read(stored.sha256, 0, HEAD)])
        inline = stored.size < self._shared.policy.inline
        data = b"".join([part async for part in self._shared.store.read(stored.sha256)]) if inline else None
        link = self._shared.links.link(stored.sha256, self._session, self._clock.now())
        return await self._finish(row, MediaState.READY, stored, type_of(head, row.mimetype), link, data)

    async def _drop(self, stored: StoredMedia) -> None:
        """Delete a file that a download brought in vain, unless another message or a command refers to it."""
        async with self._shared.storing.delete():
            try:
                is_used = await self._shared.is_used(stored.sha256)
            except StoreUnusable as error:  # of another session: no reason to end these downloads
                _log.info("%s: a file is kept for now: %s", self._session, error.text)
                return
            if not is_used:
                await self._shared.store.delete(stored.sha256)

    async def _finish(
        self,
        row: ReceivedMedia,
        state: MediaState,
        stored: StoredMedia | None = None,
        mimetype: str | None = None,
        link: str | None = None,
        data: bytes | None = None,
    ) -> bool:
        event = await media_event(
            row, state, self._people, self._clock.now(), stored=stored, mimetype=mimetype, link=link, data=data
        )
        change = MediaChange(
            state,
            event.to_json(),
            url=link,
            sha256=stored.sha256 if stored else None,
            size=stored.size if stored else None,
            mimetype=mimetype,
        )
        return await self._queue.finish(row.number, change)


async def media_event(
    row: ReceivedMedia,
    state: MediaState,
    people: People,
    now: float,
    *,
    stored: StoredMedia | None = None,
    mimetype: str | None = None,
    link: str | None = None,
    data: bytes | None = None,
) -> EventBody:
    """The event that reports a new state of a file; `now` is unix seconds."""
    about = await people.about(Jid.parse(row.chat), _author(row.message_id))
    return EventBody(
        kind=MEDIA,
        at=instant(now),
        chat=row.chat,
        message_id=row.message_id,
        state=state,
        url=link,
        sha256=stored.sha256 if stored else row.sha256,
        size=stored.size if stored else row.size,
        mimetype=mimetype or row.mimetype,
        filename=row.filename,
        data=None if data is None else base64.b64encode(data).decode(),
        **about,
    )


def _author(message_id: str) -> Jid | None:
    try:
        key = MessageKey.parse(message_id)
    except InvalidRequest:
        return None
    return None if key.from_me else key.participant
