"""The `WhatsAppDriver` for WhatsApp Web: one browser, one page, kept up through crashes and outages.

It keeps no message and repeats no call: what the page had not handed over is collected after the next load, and an
unanswered call is the session's to judge.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from bridge.contract.errors import StartError
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports.driver import (
    Account,
    CallInDoubt,
    DriverSink,
    DriverUnavailable,
    IncomingMessage,
    LookUp,
    PairingCode,
    WhatsAppDriver,
)
from bridge.ports.memory import Clock

from . import calls
from .browser import Browser, first_line
from .course import Course, Report
from .executable import BrowserFailed
from .limits import Limits, retry_delay
from .payloads import to_items
from .profile import Profile, ProfileLocked, ProfileUnusable
from .runtime import PlaywrightRuntime
from .snapshot import Snapshot
from .web_page import HandedOut, Lost, PageFailure, SiteUnreachable, Told, WebPage

log = logging.getLogger(__name__)
_STARTING = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
_LOADING = Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
#: From these on an outage is a new one: the pause before the next attempt starts small again.
_SETTLED = frozenset({SessionState.CONNECTED, SessionState.PAIRING})


class WebDriver:
    """WhatsApp Web for one session."""

    def __init__(
        self,
        session: str,
        *,
        url: str,
        profile: Path,
        playwright: PlaywrightRuntime,
        clock: Clock,
        random: Callable[[], float],
        executable: str | None = None,
        browser_args: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self._session = session
        self._url = url
        self._profile = profile
        self._playwright = playwright
        self._clock = clock
        self._random = random
        self._executable = executable
        self._browser_args = tuple(browser_args)
        self._limits = limits or Limits()
        self._course = Course()
        self._page: WebPage | None = None
        self._logged_out = asyncio.Event()
        self._failures = 0

    async def run(self, sink: DriverSink) -> None:
        """Until cancelled. A failure of the browser, the page or the site is reported and tried again."""
        self._course, self._failures = Course(), 0
        await self._tell(sink, self._course.to(_STARTING))
        while True:
            pause = await self._one_browser(sink)
            await asyncio.sleep(pause)

    async def _one_browser(self, sink: DriverSink) -> float:
        """From a browser's start until it is dead for certain. Returns the pause before the next one."""
        try:
            async with (
                Profile(self._profile, patience=self._limits.close) as profile,
                Browser(
                    self._playwright,
                    profile,
                    executable=self._executable,
                    arguments=self._browser_args,
                    limits=self._limits,
                ) as browser,
            ):
                page = WebPage(await browser.page(), session=self._session, limits=self._limits)
                try:
                    await page.prepare()
                    await self._load(page, sink)
                    situation = await self._serve(page, sink)
                finally:
                    self._page = None
                    page.lose("the browser is being closed")
                await self._tell(sink, self._course.to(situation))
        except ProfileLocked as error:
            return await self._fail(sink, Reason.PROFILE_LOCKED, error)
        except (BrowserFailed, ProfileUnusable, StartError) as error:
            return await self._fail(sink, Reason.BROWSER_FAILED, error)
        except PlaywrightError as error:  # the browser died before its page was ready
            log.warning("%s: page lost: %s", self._session, first_line(error))
            lost = Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, first_line(error))
            await self._tell(sink, self._course.to(lost))
        return self._pause()

    async def _load(self, page: WebPage, sink: DriverSink) -> None:
        """Load the site, as often as it takes."""
        if self._course.situation in (None, _STARTING):
            await self._tell(sink, self._course.to(_LOADING))
        while True:
            try:
                await page.open(self._url)
            except SiteUnreachable as error:
                if page.lost:
                    return
                log.warning("%s: WhatsApp Web cannot be loaded: %s", self._session, error.text)
                unreachable = Situation(SessionState.UNREACHABLE, Reason.SITE_UNREACHABLE, error.text)
                await self._tell(sink, self._course.to(unreachable))
                await asyncio.sleep(self._pause())
            else:
                await self._tell(sink, self._course.to(_LOADING))
                return

    async def _serve(self, page: WebPage, sink: DriverSink) -> Situation:
        """Pass on what the page tells until it is lost; returns what to say about that."""
        self._page = page
        booted_by = self._clock.monotonic() + self._limits.boot
        booted = False
        while True:
            match await page.next_mail():
                case Lost(why):
                    log.warning("%s: page lost: %s", self._session, why)
                    return Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, why)
                case HandedOut() as batch:
                    await self._hand_over(batch, sink)
                case Told(state):
                    snapshot = Snapshot.of(state)
                    await self._tell(sink, self._course.see(snapshot, self._clock.now()))
                    if self._course.situation and self._course.situation.state in _SETTLED:
                        self._failures = 0
                    booted = booted or snapshot.ready
                    if not booted and self._clock.monotonic() > booted_by:
                        missing = "wa-js did not find its modules" if snapshot.injected else "no modules appeared"
                        why = f"{missing} within {self._limits.boot:g} s"
                        return Situation(SessionState.PAGE_CHANGED, Reason.MODULE_MISSING, why)

    async def _hand_over(self, batch: HandedOut, sink: DriverSink) -> None:
        if batch.taken.done():
            return
        try:
            await sink.received(to_items(batch.items))
        except Exception:
            log.exception("%s: a batch of %d was not taken; it comes again", self._session, len(batch.items))
            taken = False
        else:
            taken = True
        if not batch.taken.done():
            batch.taken.set_result(taken)

    async def _tell(self, sink: DriverSink, reports: Sequence[Report]) -> None:
        for report in reports:
            match report:
                case Situation():
                    if report.state is SessionState.LOGGED_OUT:
                        self._logged_out.set()
                    await sink.situation_changed(report)
                case Account():
                    await sink.logged_in(report)
                case PairingCode() | None:
                    await sink.code_changed(report)

    async def _fail(self, sink: DriverSink, reason: Reason, error: Exception) -> float:
        log.error("%s: %s", self._session, error)
        await self._tell(sink, self._course.to(Situation(SessionState.ERROR, reason, str(error))))
        return self._limits.browser_retry

    def _pause(self) -> float:
        self._failures += 1
        return retry_delay(self._failures - 1, self._limits, self._random())

    def _live(self) -> WebPage:
        """The page, if the whole path works. Raises `DriverUnavailable`."""
        situation = self._course.situation
        if self._page is None or situation is None or situation.state is not SessionState.CONNECTED:
            raise DriverUnavailable(situation.text if situation else "The driver is not running.")
        return self._page

    async def collect(self, since: Mapping[str, int], baseline: int) -> AsyncIterator[Sequence[IncomingMessage]]:
        """See the port."""
        async with aclosing(calls.collect(self._live(), since, baseline, self._limits)) as batches:
            async for batch in batches:
                yield batch

    async def resume(self) -> None:
        """See the port. Without effect when the link was lost again: the next `connected` asks for another catch-up."""
        await self._live().call("resume", self._course.holds)

    async def resolve(self, to: Jid) -> Jid:
        """See the port."""
        return await calls.resolve(self._live(), to)

    async def reserve(self, chat: Jid) -> MessageKey:
        """See the port."""
        return await calls.reserve(self._live(), chat)

    async def send_text(self, key: MessageKey, text: str) -> int:
        """See the port."""
        return await calls.send_text(self._live(), key, text, self._limits)

    async def look_up(self, key: MessageKey) -> LookUp:
        """See the port."""
        return await calls.look_up(self._live(), key)

    async def log_out(self) -> None:
        """See the port. The page reloads while it answers, so the answer is the situation that follows."""
        page = self._live()
        self._course.logging_out = True
        self._logged_out.clear()
        try:
            await page.call("logOut")
        except (CallInDoubt, DriverUnavailable):
            log.debug("%s: the page reloaded during the log-out", self._session)
        except PageFailure as failure:
            raise DriverUnavailable(f"WhatsApp Web could not log out: {failure.text}.") from failure
        try:
            async with asyncio.timeout(self._limits.call):
                await self._logged_out.wait()
        except TimeoutError as error:
            raise CallInDoubt("The page did not confirm the log-out.") from error

    async def reload(self) -> None:
        """See the port. The browser goes too: only a dead one surely sends nothing any more."""
        if self._page is not None:
            self._page.lose("a reload was asked for")


def _implements(driver: WebDriver) -> WhatsAppDriver:
    return driver
