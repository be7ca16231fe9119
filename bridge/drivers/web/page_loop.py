"""What a web driver does while a browser runs: load the site, pass on what the page tells, load it again where needed.

It decides nothing about browsers, and repeats nothing: what a lost page had not handed over is collected later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.browser import Browser
from bridge.drivers.web.limits import Limits, retry_delay
from bridge.drivers.web.page_memory import PageMemory
from bridge.drivers.web.page_state import Report, StateReporter
from bridge.drivers.web.page_watchdog import PageEnd, PageWatch
from bridge.drivers.web.payloads import to_items
from bridge.drivers.web.pending_requests import PendingRequests
from bridge.drivers.web.snapshot import Snapshot
from bridge.drivers.web.web_page import Batch, PageLost, SiteUnreachable, StateReport, WebPage
from bridge.ports import Account, Clock, DriverSink, DriverUnavailable, IncomingMessage, PairingCode

_log = logging.getLogger(__name__)
STARTING = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
_LOADING = Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
#: From these on an outage is a new one: the pause before the next attempt starts small again.
_SETTLED = frozenset({SessionState.CONNECTED, SessionState.PAIRING})


class PageLoop:
    """The page of one driver, through all of its loads, and what the session was told of it."""

    def __init__(
        self, session: str, url: str, profile: Path, limits: Limits, clock: Clock, random: Callable[[], float]
    ) -> None:
        self._session = session
        self._url = url
        self._limits = limits
        self._clock = clock
        self._random = random
        self._failures = 0
        self.course = StateReporter()
        self.page: WebPage | None = None
        self.logged_out = asyncio.Event()
        self.wishes = PendingRequests(session)
        self.upkeep = PageMemory(session, profile, limits, clock)

    def begin(self) -> None:
        """A run of the driver begins: nothing was told yet."""
        self.course, self._failures = StateReporter(lacking=self._limits.lacking), 0

    async def pages(self, browser: Browser, sink: DriverSink) -> Situation:
        """Load the site and serve it, again and again, until the page is lost; returns what to say about that."""
        try:
            async with asyncio.timeout(self._limits.silence):
                page = WebPage(await browser.page(), session=self._session, limits=self._limits)
                await page.prepare()
        except TimeoutError:
            return Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, "the browser opens no page")
        watching = asyncio.create_task(page.watch(), name=f"connection to the page of {self._session}")
        watch = PageWatch(self._limits)
        try:
            while True:
                await self._load(page, sink)
                watch.opened(self._clock.monotonic())
                ending = await self._serve(page, watch, sink)
                if ending.browser_gone:
                    _log.warning("%s: page lost: %s", self._session, ending.situation.detail)
                    return ending.situation
                _log.warning("%s: the page is loaded again: %s", self._session, ending.situation.text)
                await self.tell(sink, self.course.to(ending.situation))
                if not ending.at_once:
                    await asyncio.sleep(self.pause())
        finally:
            self.page = None
            page.lose("the browser is being closed")
            watching.cancel()
            await asyncio.wait([watching])

    async def _load(self, page: WebPage, sink: DriverSink) -> None:
        """Load the site, as often as it takes."""
        if self.course.situation in (None, STARTING):
            await self.tell(sink, self.course.to(_LOADING))
        while True:
            try:
                await page.open(self._url)
            except SiteUnreachable as error:
                if page.lost:
                    return
                _log.warning("%s: WhatsApp Web cannot be loaded: %s", self._session, error.text)
                unreachable = Situation(SessionState.UNREACHABLE, Reason.SITE_UNREACHABLE, error.text)
                await self.tell(sink, self.course.to(unreachable))
                await asyncio.sleep(self.pause())
            else:
                if not self._is_broken:
                    await self.tell(sink, self.course.to(_LOADING))
                return

    async def _serve(self, page: WebPage, watch: PageWatch, sink: DriverSink) -> PageEnd:
        """Pass on what the page tells, until it is lost or has to be loaded again."""
        self.page = page
        while True:
            match await page.next_mail():
                case PageLost(why):
                    return PageEnd(Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, why), browser_gone=True)
                case Batch() as batch:
                    await self._hand_over(batch, sink)
                case StateReport(state):
                    snapshot = Snapshot.of(state)
                    # while the site is down each load of it reports the same: nothing new to tell
                    if snapshot.loader or not self._is_broken:
                        await self.tell(sink, self.course.see(snapshot, self._clock.now()))
                    situation = self.course.situation or _LOADING
                    if situation.state in _SETTLED:
                        self._failures, page.silence = 0, self._limits.silence
                    await self.wishes.grant(page, snapshot, situation)
                    await self.upkeep.look(page, situation)
                    if ending := watch.see(snapshot, situation, self._clock.monotonic()):
                        return ending

    @property
    def _is_broken(self) -> bool:
        return self.course.situation is not None and self.course.situation.reason is Reason.SITE_BROKEN

    async def _hand_over(self, batch: Batch, sink: DriverSink) -> None:
        if batch.taken.done():
            return
        self.upkeep.busy()
        try:
            items = to_items(batch.items)
            for item in items:
                if isinstance(item, IncomingMessage):
                    trace = {"session": self._session, "trace": item.key.id}
                    _log.debug("%s: handed over by the page", self._session, extra=trace)
            await sink.received(items)
        except Exception:  # noqa: BLE001 - whatever the session met, the batch comes again
            _log.exception("%s: a batch of %d was not taken; it comes again", self._session, len(batch.items))
            taken = False
        else:
            taken = True
        if not batch.taken.done():
            batch.taken.set_result(taken)

    async def tell(self, sink: DriverSink, reports: Sequence[Report]) -> None:
        """Tell the session, one after the other."""
        for report in reports:
            match report:
                case Situation():
                    if report.state is SessionState.LOGGED_OUT:
                        self.logged_out.set()
                    await sink.situation_changed(report)
                case Account():
                    await sink.logged_in(report)
                case PairingCode() | None:
                    await sink.code_changed(report)

    def live(self) -> WebPage:
        """The page, if the whole path works. Raises `DriverUnavailable`."""
        situation = self.course.situation
        if self.page is None or situation is None or situation.state is not SessionState.CONNECTED:
            raise DriverUnavailable(situation.text if situation else "The driver is not running.")
        return self.page

    def pause(self) -> float:
        """Seconds before the next attempt; longer with each one in vain."""
        self._failures += 1
        return retry_delay(self._failures - 1, self._limits, self._random())
