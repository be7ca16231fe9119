"""The `WhatsAppDriver` for WhatsApp Web: runs one browser after the other, and calls its page for the session.

It keeps no message and repeats no call. What the page had not handed over is collected after the next load; the session
decides about a call without an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Error as PlaywrightError
from typing_extensions import override

from bridge.contract.details import PasskeyDetail
from bridge.contract.errors import InvalidRequest, NotAllowed, Refused, StartError
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Act, Content
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.passkey import check_answer, normal_code
from bridge.contract.proxy import Proxy
from bridge.contract.requests import CheckContacts, Request
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.status import MemoryUse
from bridge.drivers.web import calls, injection, library
from bridge.drivers.web.browser import Browser, first_line
from bridge.drivers.web.downloads import find_message
from bridge.drivers.web.executable import BrowserFailed, LaunchFailed
from bridge.drivers.web.limits import Limits, RestartBudget
from bridge.drivers.web.number_cache import NumberCache
from bridge.drivers.web.page_loop import STARTING, PageLoop
from bridge.drivers.web.profile import Profile, ProfileLocked, ProfileUnusable
from bridge.drivers.web.runtime import PlaywrightRuntime
from bridge.drivers.web.spare_keys import SpareKeys
from bridge.drivers.web.turns import BrowserTurns
from bridge.drivers.web.versions import ChosenVersions
from bridge.drivers.web.web_page import PageFailure, WebPage
from bridge.ports import (
    CallInDoubt,
    Clock,
    DriverSink,
    DriverUnavailable,
    IncomingMessage,
    LookUp,
    ProfilePicture,
    WhatsAppDriver,
)

_log = logging.getLogger(__name__)


class WebDriver(WhatsAppDriver):
    """The driver of one session."""

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
        available: bool = False,
        limits: Limits | None = None,
        versions: ChosenVersions | None = None,
        turns: BrowserTurns | None = None,
    ) -> None:
        """`available` = the account shows as online, and sends mark the chat as read.

        `versions` None: the shipped wa-js on the site's own page. `turns` None: it starts without waiting for others.
        """
        self._session = session
        self._profile = profile
        self._playwright = playwright
        self._clock = clock
        self._executable = executable
        self._browser_args = tuple(browser_args)
        self._limits = limits or Limits()
        self._proxy: Proxy | None = None
        self._turns = turns
        self._launch_failures = 0
        self._restarts = RestartBudget(self._limits)
        self._replacing = False
        self._caught_up = False  # the page of this browser completed a catch-up
        self._numbers = NumberCache()
        self._spare_keys = SpareKeys()
        self._unread: dict[str, int] = {}
        self._page_loop = PageLoop(
            session,
            url=url,
            profile=profile,
            available=available,
            limits=self._limits,
            versions=versions or ChosenVersions(library.shipped()),
            clock=clock,
            random=random,
        )

    @override
    def use_proxy(self, proxy: Proxy | None) -> None:
        self._proxy = proxy

    @override
    async def run(self, sink: DriverSink) -> None:
        """Run until cancelled. A failure of the browser, the page or the site is reported, then retried."""
        self._page_loop.reset()
        self._restarts, self._launch_failures = RestartBudget(self._limits), 0
        await self._page_loop.change_to(sink, STARTING)
        try:
            while True:
                try:
                    delay = await self._run_browser(sink)
                finally:
                    self._page_loop.memory.browser_ended()
                await asyncio.sleep(delay)
        finally:
            self._page_loop.pending.abandon()

    async def _run_browser(self, sink: DriverSink) -> float:
        """Run one browser until its processes have ended. Returns the delay before the next one."""
        try:
            async with (
                Profile(self._profile, end_timeout=self._limits.close) as profile,
                self._turn(profile, sink),
                Browser(
                    self._playwright,
                    profile,
                    executable=self._executable,
                    arguments=self._browser_args,
                    limits=self._limits,
                    proxy=self._proxy,
                ) as browser,
            ):
                self._launch_failures, self._caught_up = 0, False
                self._spare_keys.clear()
                self._page_loop.memory.browser_started()
                situation = await self._page_loop.run(browser, sink)
                await self._page_loop.change_to(sink, situation)
        except ProfileLocked as error:
            return await self._fail(sink, Reason.PROFILE_LOCKED, error)
        except ProfileUnusable as error:
            return await self._fail(sink, Reason.PROFILE_UNUSABLE, error)
        except LaunchFailed as error:
            # one failure may be chance (memory, a profile that is still being released); a second one is reported
            self._launch_failures += 1
            if self._launch_failures > 1:
                await self._fail(sink, Reason.BROWSER_FAILED, error)
            return await self._after_loss(sink, str(error), report=self._launch_failures == 1)
        except (BrowserFailed, StartError) as error:
            return await self._fail(sink, Reason.BROWSER_FAILED, error)
        except PlaywrightError as error:  # the browser died before its page was ready
            return await self._after_loss(sink, first_line(error))
        if self._replacing:
            self._replacing = False
            return self._page_loop.next_delay()
        return await self._after_loss(sink, situation.detail or situation.text, report=False)

    @asynccontextmanager
    async def _turn(self, profile: Profile, sink: DriverSink) -> AsyncIterator[None]:
        """The turn of this browser among those of the bridge: first those whose login was connected."""

        waited = False

        async def waits(situation: Situation) -> None:
            nonlocal waited
            waited = True
            await self._page_loop.change_to(sink, situation)

        if self._turns is None:
            yield
            return
        turns = self._turns
        async with turns.turn(0 if profile.was_connected else 1, waits) as turn:

            def rests(state: SessionState) -> None:
                turns.settled(turn)
                if state in (SessionState.CONNECTED, SessionState.PAIRING, SessionState.LOGGED_OUT):
                    profile.note(connected=state is SessionState.CONNECTED)

            if waited:
                await self._page_loop.change_to(sink, STARTING)
            self._page_loop.rests = rests
            try:
                yield
            finally:
                self._page_loop.rests = None

    async def _after_loss(self, sink: DriverSink, why: str, *, report: bool = True) -> float:
        """Count a lost page or browser against the restart budget. Returns the delay before the next browser."""
        if self._restarts.exceeded(self._clock.monotonic()):
            _log.error(
                "%s: too many page or browser losses; pausing for %g s", self._session, self._limits.restart_pause
            )
            await self._page_loop.change_to(sink, Situation(SessionState.ERROR, Reason.TOO_MANY_RESTARTS, why))
            return self._limits.restart_pause
        if report:
            _log.warning("%s: page lost: %s", self._session, why)
            await self._page_loop.change_to(sink, Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, why))
        return self._page_loop.next_delay()

    async def _fail(self, sink: DriverSink, reason: Reason, error: Exception) -> float:
        _log.error("%s: %s", self._session, error)
        await self._page_loop.change_to(sink, Situation(SessionState.ERROR, reason, str(error)))
        return self._limits.browser_retry

    @override
    async def collect(
        self, since: Mapping[str, int], baseline: int, acts_since: int = 0
    ) -> AsyncGenerator[Sequence[IncomingMessage], None]:
        async with aclosing(
            calls.collect(self._page_loop.connected_page(), since, baseline, acts_since, self._unread, self._limits)
        ) as batches:
            async for batch in batches:
                yield batch

    @property
    @override
    def unread(self) -> Mapping[str, int]:
        return self._unread

    @property
    @override
    def connected_at(self) -> int:
        return self._page_loop.reporter.connected_at

    @override
    async def resume(self) -> None:
        """Without effect if the link was lost again: the next `connected` leads to another catch-up."""
        reporter = self._page_loop.reporter
        if not await self._page_loop.connected_page().call("resume", reporter.holds):
            reporter.resume_refused()
        self._caught_up = True

    @override
    async def resolve(self, to: Jid) -> Jid:
        self._page_loop.memory.mark_busy()
        return await calls.resolve(self._page_loop.connected_page(), to, self._numbers, self._clock.monotonic())

    @property
    @override
    def sends(self) -> frozenset[str]:
        return injection.sendable_kinds()

    @override
    async def may_write(self, group: Jid) -> None:
        try:
            refused = await calls.writing_refused(self._page_loop.connected_page(), group, self._limits.judge)
        except (DriverUnavailable, CallInDoubt):
            return
        if refused is not None:
            raise NotAllowed(refused)

    @override
    async def reserve(self, to: Jid) -> MessageKey:
        self._page_loop.memory.mark_busy()
        page, now = self._page_loop.connected_page(), self._clock.monotonic()
        key = self._spare_keys.take(to, now)
        if key is None:
            key = await calls.reserve(page, to, self._numbers, now)
            self._spare_keys.reached(to, key.remote)
        return key

    @override
    async def send(
        self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
    ) -> int:
        page = self._page_loop.connected_page()
        level, spare = await calls.send(page, key, content, modifiers, file, self._limits)
        if spare is not None and page is self._page_loop.page:
            self._spare_keys.put(spare, self._clock.monotonic())
        return level

    @override
    async def act(self, chat: Jid, act: Act) -> str:
        return await calls.act(self._page_loop.connected_page(), chat, act, self._limits)

    @property
    @override
    def answers(self) -> frozenset[str]:
        return injection.answered_actions()

    @override
    async def answer(self, request: Request, file: Path | None = None) -> Any:
        self._page_loop.memory.mark_busy()
        page, now = self._page_loop.connected_page(), self._clock.monotonic()
        if isinstance(request, CheckContacts):
            return await calls.check(page, request, self._numbers, now)
        return await calls.answer(page, request, self._numbers, now, self._limits, file)

    @override
    async def look_up(self, key: MessageKey) -> LookUp:
        return await calls.look_up(self._page_loop.connected_page(), key)

    @override
    async def resend(self, key: MessageKey) -> int:
        return await calls.resend(self._page_loop.connected_page(), key, self._limits)

    @override
    async def find_message(self, key: MessageKey) -> IncomingMessage | None:
        return await find_message(self._page_loop.connected_page(), key)

    @override
    @asynccontextmanager
    async def download(self, key: MessageKey, limit: int, seconds: float) -> AsyncIterator[Path]:
        page, downloads = self._page_loop.connected_page(), self._page_loop.downloads
        if downloads is None:
            raise DriverUnavailable("The page is loading.")
        self._page_loop.memory.mark_busy()
        async with downloads.media(page, key, limit, seconds) as path:
            yield path

    @override
    @asynccontextmanager
    async def picture(
        self, contact: Jid, known: str | None, limit: int, seconds: float
    ) -> AsyncIterator[ProfilePicture]:
        page, downloads = self._page_loop.connected_page(), self._page_loop.downloads
        if downloads is None:
            raise DriverUnavailable("The page is loading.")
        self._page_loop.memory.mark_busy()
        forms = calls.spellings(contact, self._numbers, self._clock.monotonic())
        async with downloads.picture(page, forms, known, limit, seconds) as picture:
            yield picture

    @override
    async def log_out(self) -> None:
        """The page reloads before it can answer, so the situation that follows is the answer."""
        page, reporter = self._page_loop.connected_page(), self._page_loop.reporter
        reporter.logging_out = True
        self._page_loop.logged_out.clear()
        try:
            await page.call("logOut")
        except (CallInDoubt, DriverUnavailable):
            _log.debug("%s: the page reloaded during the log-out", self._session)
        except PageFailure as failure:
            reporter.logging_out = False
            raise DriverUnavailable(f"WhatsApp Web could not log out: {failure.text}.") from failure
        try:
            async with asyncio.timeout(self._limits.call):
                await self._page_loop.logged_out.wait()
        except TimeoutError as error:
            reporter.logging_out = False  # an end of the login that comes later may have any cause
            raise CallInDoubt("The page did not confirm the log-out.") from error

    @override
    async def delete_login(self) -> None:
        async with Profile(self._profile, end_timeout=self._limits.close) as profile:
            await asyncio.to_thread(profile.empty)

    @override
    async def reload(self) -> None:
        """End the browser too: only a browser that has ended certainly sends nothing more.

        A page that never completed a catch-up counts against the restart budget, so reloads do not go on forever.
        """
        if self._page_loop.reporter.passkey is not None:
            return  # nothing is being sent, and the step would be lost
        if (page := self._page_loop.page) is not None and page.lost is None:
            await self._page_loop.drain()
            self._replacing = self._caught_up
            page.lose("a reload was requested")

    @override
    async def link_by_phone(self, number: str) -> None:
        await self._page_loop.pending.link_by_phone(number, self._limits.linking)

    @override
    async def answer_passkey(self, answer: Mapping[str, Any]) -> None:
        page, request = self._page_loop.passkey_page()
        if request.options is None:
            raise InvalidRequest("The passkey was given already.", detail=PasskeyDetail.NOT_ASKED)
        check_answer(answer, request.options, request.origin)
        await self._passkey_call(page, "answerPasskey", dict(answer))

    @override
    async def confirm_passkey(self, code: str) -> None:
        page, request = self._page_loop.passkey_page()
        if request.code is None or request.code != normal_code(code):
            raise InvalidRequest("WhatsApp is not waiting for this code.", detail=PasskeyDetail.CODE)
        await self._passkey_call(page, "confirmPasskey")

    async def _passkey_call(self, page: WebPage, name: str, *arguments: object) -> None:
        try:
            await page.call(name, *arguments)
        except PageFailure as failure:
            text = f"WhatsApp did not accept the passkey: {failure.text}"
            raise Refused(text, detail=PasskeyDetail.NOT_ACCEPTED) from failure

    @property
    @override
    def memory(self) -> MemoryUse | None:
        return self._page_loop.memory.usage
