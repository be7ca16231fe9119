"""Files that the browser saves for the driver. What the site itself offers for download is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from playwright.async_api import Download, Page
from playwright.async_api import Error as PlaywrightError

from bridge.contract.errors import InternalError, TooLarge
from bridge.contract.jid import Jid, MessageKey
from bridge.drivers.web.calls import nothing_done
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.payloads import to_message
from bridge.drivers.web.web_page import CLOSED, PageFailure, WebPage
from bridge.ports import CallInDoubt, DriverUnavailable, IncomingMessage, MediaGone, ProfilePicture

#: Seconds beyond the page's own time until its call counts as unanswered.
GRACE = 10.0


class Downloads:
    """The downloads of one page."""

    def __init__(self, page: Page, limits: Limits) -> None:
        self._limits = limits
        self._expected: dict[str, asyncio.Future[Download]] = {}
        self._refusing: set[asyncio.Task[None]] = set()
        page.on("download", self._on_download)

    def _on_download(self, download: Download) -> None:
        # the browser may add an extension
        expected = self._expected.get(download.suggested_filename.partition(".")[0])
        if expected is not None and not expected.done():
            expected.set_result(download)
            return
        refusing = asyncio.create_task(_delete(download), name="refused download")
        self._refusing.add(refusing)
        refusing.add_done_callback(self._refusing.discard)

    def end_waits(self) -> None:
        """The page is lost or is loaded again: it saves nothing more."""
        for expected in self._expected.values():
            if not expected.done():
                expected.set_exception(CallInDoubt("The page went away before the browser saved the file."))

    @asynccontextmanager
    async def media(self, page: WebPage, key: MessageKey, limit: int, seconds: float) -> AsyncIterator[Path]:
        """The file of a message; see `HasMedia`."""
        name = uuid4().hex
        expected = self._expected[name] = asyncio.get_running_loop().create_future()
        is_whole = False
        try:
            await _save(page, key, name, limit, seconds)
            path = await _saved(page, expected, self._limits.saving + seconds)
            is_whole = True
            yield path
        finally:
            del self._expected[name]
            if _is_begun(expected):
                await _delete(expected.result(), is_whole=is_whole)

    @asynccontextmanager
    async def picture(
        self, page: WebPage, forms: Sequence[str], known: str | None, limit: int, seconds: float
    ) -> AsyncIterator[ProfilePicture]:
        """The picture of a person or a group, given in each spelling; see `HasPictures`."""
        name = uuid4().hex
        expected = self._expected[name] = asyncio.get_running_loop().create_future()
        arguments = (list(forms), known, name, limit, seconds * 1000)
        try:
            try:
                answer = await page.call("savePicture", *arguments, limit=2 * seconds + GRACE)
            except PageFailure as failure:
                raise _failed(failure) or nothing_done(failure) from failure
            contact, tag = Jid.parse(answer["contact"]), answer["tag"]
            path = await _saved(page, expected, self._limits.saving) if answer["saved"] else None
            yield ProfilePicture(contact, tag, path)
        finally:
            del self._expected[name]
            if _is_begun(expected):
                await _delete(expected.result())


async def find_message(page: WebPage, key: MessageKey) -> IncomingMessage | None:
    """A message that the page has; see `HasMedia`."""
    try:
        found = await page.call("readMessage", str(key))
    except PageFailure as failure:
        raise nothing_done(failure) from failure
    return None if found is None else to_message(found)


def _is_begun(expected: asyncio.Future[Download]) -> bool:
    """Whether the browser began to save the file. A wait that ended in vain has cancelled the future."""
    return expected.done() and not expected.cancelled() and expected.exception() is None


async def _saved(page: WebPage, expected: asyncio.Future[Download], seconds: float) -> Path:
    """The whole file, once the browser has written it."""
    try:
        async with asyncio.timeout(seconds):
            return Path(await (await expected).path())
    except TimeoutError as error:
        raise CallInDoubt("The browser did not save the file.") from error
    except PlaywrightError as error:
        if page.lost is not None or CLOSED in error.message:
            raise DriverUnavailable(f"The browser went away while it saved a file: {error.message}") from error
        raise InternalError(f"The browser did not save the file: {error.message}") from error


async def _save(page: WebPage, key: MessageKey, name: str, limit: int, seconds: float) -> None:
    try:
        await page.call("saveMedia", str(key), name, limit, seconds * 1000, limit=seconds + GRACE)
    except PageFailure as failure:
        error = _failed(failure) or InternalError(f"The file could not be downloaded: {failure.text}")
        raise error from failure


def _failed(failure: PageFailure) -> Exception | None:
    """What a failure of a download means; None for one that is not of downloads alone."""
    match failure.name:
        case "media_missing":
            return MediaGone("WhatsApp and the phone have the file no longer.", final=True)
        case "media_reuploading":
            return MediaGone("The phone has not sent the expired file again.", final=False)
        case "media_too_large":
            return TooLarge(f"The file is too large. {failure.text}")
        case "media_failed":
            return InternalError(f"The file could not be downloaded: {failure.text}")
        case "not_connected":
            return DriverUnavailable(failure.text)
    return None


async def _delete(download: Download, *, is_whole: bool = False) -> None:
    """A round trip less for one that is `is_whole`: a burst of pictures shares the way with texts."""
    with suppress(PlaywrightError):
        if not is_whole:
            await download.cancel()
        await download.delete()
