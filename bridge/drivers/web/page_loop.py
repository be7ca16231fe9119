"""The page while a browser runs: loads the site, passes reports and items to the session, reloads the site if needed.

It starts no browser and repeats no call. What a lost page did not hand over is collected after the next load.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bridge.contract.details import PasskeyDetail
from bridge.contract.errors import InvalidRequest
from bridge.contract.limits import AccountLimits
from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.web.browser import Browser
from bridge.drivers.web.downloads import Downloads
from bridge.drivers.web.limits import Limits, retry_delay
from bridge.drivers.web.page_memory import PageMemory
from bridge.drivers.web.page_state import PasskeyReport, Report, StateReporter
from bridge.drivers.web.page_watchdog import PageEnd, PageWatch
from bridge.drivers.web.payloads import to_items
from bridge.drivers.web.pending_requests import PendingRequests
from bridge.drivers.web.profile import mark_paired
from bridge.drivers.web.snapshot import Snapshot
from bridge.drivers.web.versions import ChosenVersions
from bridge.drivers.web.web_page import Batch, PageLost, SiteUnreachable, StateReport, WebPage
from bridge.ports import Account, Clock, DriverSink, DriverUnavailable, IncomingMessage, PairingCode, PasskeyRequest

_log = logging.getLogger(__name__)
STARTING = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
_LOADING = Situation(SessionState.CONNECTING, Reason.PAGE_LOADING)
#: After one of these, the next outage is a new one: the delay between attempts starts small again.
_SETTLED = frozenset({SessionState.CONNECTED, SessionState.PAIRING})
#: States of a browser whose start still takes much of a core; after any other one it is the next browser's turn.
_COMING = frozenset(
    {SessionState.STARTING, SessionState.CONNECTING, SessionState.AUTHENTICATED, SessionState.RECONNECTING}
)


class PageLoop:
    """The page of one driver through all of its loads, and what was reported to the session about it."""

    def __init__(
        self,
        session: str,
        *,
        url: str,
        profile: Path,
        available: bool,
        limits: Limits,
        versions: ChosenVersions,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._session = session
        self._url = url
        self._profile = profile
        self._available = available
        self._limits = limits
        self._versions = versions
        self._clock = clock
        self._random = random
        self._failures = 0
        self.reporter = StateReporter(limits)
        self.page: WebPage | None = None
        self.downloads: Downloads | None = None
        #: Called with each state in which the page has come to rest.
        self.rests: Callable[[SessionState], None] | None = None
        self.logged_out = asyncio.Event()
        self._drained = asyncio.Event()
        self.pending = PendingRequests(session)
        self.memory = PageMemory(session, profile=profile, limits=limits, clock=clock)

    def reset(self) -> None:
        """Forget what was reported: the driver's `run` starts."""
        self.reporter, self._failures = StateReporter(self._limits), 0

    async def run(self, browser: Browser, sink: DriverSink) -> Situation:
        """Load the site and process its events, load after load, until the page is lost; returns why it was lost."""
        try:
            async with asyncio.timeout(self._limits.silence):
                tab = await browser.page()
                downloads = Downloads(tab, self._limits)
                page = WebPage(
                    tab,
                    session=self._session,
                    available=self._available,
                    limits=self._limits,
                    versions=self._versions,
                )
                await page.prepare(self._url)
        except TimeoutError:
            return Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, "the browser opens no page")
        taking = asyncio.create_task(page.take_items(), name=f"items of the page of {self._session}")
        watch = PageWatch(self._limits, pinned=self._versions.page is not None)
        self.downloads = downloads
        try:
            while True:
                await self._load(page, sink)
                watch.opened(self._clock.monotonic())
                try:
                    end = await self._process_events(page, watch, sink)
                finally:
                    downloads.end_waits()
                if end.browser_gone:
                    _log.warning("%s: page lost: %s", self._session, end.situation.detail)
                    return end.situation
                _log.warning("%s: loading the page again: %s", self._session, end.situation.text)
                await self.change_to(sink, end.situation)
                if not end.immediate:
                    await asyncio.sleep(self.next_delay())
        finally:
            self.page = self.downloads = None
            self._drained.set()  # nothing is left to wait for
            page.lose("the browser is being closed")
            taking.cancel()
            await asyncio.wait([taking])

    async def _load(self, page: WebPage, sink: DriverSink) -> None:
        """Load the site; retry until it loads or the page is lost."""
        if self.reporter.situation in (None, STARTING):
            await self.change_to(sink, _LOADING)
        while True:
            try:
                await page.open(self._url)
            except SiteUnreachable as error:
                if page.lost:
                    return
                _log.warning("%s: WhatsApp Web cannot be loaded: %s", self._session, error.text)
                await self.change_to(sink, Situation(SessionState.UNREACHABLE, error.reason, error.text))
                await asyncio.sleep(self.next_delay())
            else:
                if not self._failing:
                    await self.change_to(sink, _LOADING)
                return

    async def _process_events(self, page: WebPage, watch: PageWatch, sink: DriverSink) -> PageEnd:
        """Pass the page's reports and items on, until it is lost or must be loaded again."""
        self.page = page
        while True:
            match await page.next_event():
                case PageLost(why):
                    return PageEnd(Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, why), browser_gone=True)
                case Batch() as batch:
                    await self._hand_over(batch, sink)
                case StateReport(state):
                    snapshot = Snapshot.of(state)
                    (self._drained.clear if snapshot.on_clock else self._drained.set)()
                    if not self._repeats_failure(snapshot):
                        await self._report(sink, self.reporter.update(snapshot, self._clock.monotonic()))
                    situation = self.reporter.situation or _LOADING
                    page.silence = self._limits.silence_loading
                    if situation.state in _SETTLED:
                        self._failures, page.silence = 0, self._limits.silence
                    await self.pending.execute(page, snapshot)
                    await self.memory.check(page, situation)
                    if end := watch.check(snapshot, situation, self._clock.monotonic()):
                        return end

    @property
    def _failing(self) -> Reason | None:
        """Why every load so far failed in the same way: the next one is no change to report until it gets further."""
        reason = None if self.reporter.situation is None else self.reporter.situation.reason
        return reason if reason in (Reason.SITE_BROKEN, Reason.CLIENT_EXPIRED) else None

    def _repeats_failure(self, snapshot: Snapshot) -> bool:
        match self._failing:
            case Reason.SITE_BROKEN:
                return not snapshot.loader
            case Reason.CLIENT_EXPIRED:
                return not (snapshot.usable or snapshot.unpaired or snapshot.refusal)
            case _:
                return False

    async def drain(self) -> None:
        """Wait, up to a limit, until no own message is on the clock: a reload would stop it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain):
                await self._drained.wait()

    async def _hand_over(self, batch: Batch, sink: DriverSink) -> None:
        if batch.taken.done():
            return
        self.memory.mark_busy()
        try:
            items = to_items(batch.items)
            for item in items:
                if isinstance(item, IncomingMessage):
                    trace = {"session": self._session, "trace": item.key.id}
                    _log.debug("%s: handed over by the page", self._session, extra=trace)
            await sink.received(items)
        except Exception:  # noqa: BLE001 - after any failure in the session the page sends the batch again
            _log.exception("%s: a batch of %d was not taken; the page sends it again", self._session, len(batch.items))
            taken = False
        else:
            taken = True
        if not batch.taken.done():
            batch.taken.set_result(taken)

    async def change_to(self, sink: DriverSink, situation: Situation) -> None:
        """Report a situation that does not come from the page."""
        await self._report(sink, self.reporter.change_to(situation))

    async def _report(self, sink: DriverSink, reports: Sequence[Report]) -> None:
        for report in reports:
            match report:
                case Situation():
                    if report.state in (SessionState.LOGGED_OUT, SessionState.PAIRING):
                        mark_paired(self._profile, paired=False)
                    if report.state is SessionState.LOGGED_OUT:
                        self.logged_out.set()
                    if self.rests is not None and report.state not in _COMING:
                        self.rests(report.state)
                    await sink.situation_changed(report)
                case Account():
                    mark_paired(self._profile, paired=True)
                    await sink.logged_in(report)
                case PairingCode() | None:
                    await sink.code_changed(report)
                case PasskeyReport(request):
                    await sink.passkey_changed(request)
                case AccountLimits():
                    await sink.limits_changed(report)

    def connected_page(self) -> WebPage:
        """The page, if the whole path works. Raises `DriverUnavailable`."""
        situation = self.reporter.situation
        if self.page is None or situation is None or situation.state is not SessionState.CONNECTED:
            raise DriverUnavailable(situation.text if situation else "The driver is not running.")
        return self.page

    def passkey_page(self) -> tuple[WebPage, PasskeyRequest]:
        """The page that waits for a passkey, and its request. Raises `InvalidRequest` if there is none."""
        if self.page is None or self.reporter.passkey is None:
            raise InvalidRequest("WhatsApp is not waiting for a passkey.", detail=PasskeyDetail.NOT_ASKED)
        return self.page, self.reporter.passkey

    def next_delay(self) -> float:
        """Count a failed attempt; returns the seconds before the next one."""
        self._failures += 1
        return retry_delay(self._failures - 1, self._limits, self._random())
