"""The `WhatsAppDriver` for WhatsApp Web: one browser after the other, and the port's calls put to its page.

It keeps no message and repeats no call: what the page had not handed over is collected after the next load, and an
unanswered call is the session's to judge.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from playwright.async_api import Error as PlaywrightError
from typing_extensions import override

from bridge.contract.errors import StartError
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Content
from bridge.contract.requests import Request
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.status import MemoryUse
from bridge.drivers.web import calls, injection
from bridge.drivers.web.browser import Browser, first_line
from bridge.drivers.web.executable import BrowserFailed, LaunchFailed
from bridge.drivers.web.limits import Limits, Restarts
from bridge.drivers.web.number_cache import NumberCache
from bridge.drivers.web.page_loop import STARTING, PageLoop
from bridge.drivers.web.profile import Profile, ProfileLocked, ProfileUnusable
from bridge.drivers.web.runtime import PlaywrightRuntime
from bridge.drivers.web.web_page import PageFailure
from bridge.ports import CallInDoubt, Clock, DriverSink, DriverUnavailable, IncomingMessage, LookUp, WhatsAppDriver

_log = logging.getLogger(__name__)


class WebDriver(WhatsAppDriver):
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
        self._profile = profile
        self._playwright = playwright
        self._clock = clock
        self._executable = executable
        self._browser_args = tuple(browser_args)
        self._limits = limits or Limits()
        self._launch_failures = 0
        self._restarts = Restarts(self._limits)
        self._replacing = False
        self._caught_up = False  # this browser's page got through a catch-up
        self._known = NumberCache()
        self._unread: dict[str, int] = {}
        self._serving = PageLoop(session, url, profile, self._limits, clock, random)

    @override
    async def run(self, sink: DriverSink) -> None:
        """Until cancelled. A failure of the browser, the page or the site is reported and tried again."""
        self._serving.begin()
        self._restarts, self._launch_failures = Restarts(self._limits), 0
        await self._serving.tell(sink, self._serving.course.to(STARTING))
        while True:
            try:
                pause = await self._one_browser(sink)
            finally:
                self._serving.upkeep.ended()
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
                self._launch_failures, self._caught_up = 0, False
                self._serving.upkeep.started()
                situation = await self._serving.pages(browser, sink)
                await self._serving.tell(sink, self._serving.course.to(situation))
        except ProfileLocked as error:
            return await self._fail(sink, Reason.PROFILE_LOCKED, error)
        except ProfileUnusable as error:
            return await self._fail(sink, Reason.PROFILE_UNUSABLE, error)
        except LaunchFailed as error:
            # once is bad luck (memory, a profile that is still being let go); twice is a finding
            self._launch_failures += 1
            if self._launch_failures > 1:
                await self._fail(sink, Reason.BROWSER_FAILED, error)
            return await self._after_loss(sink, str(error), tell=self._launch_failures == 1)
        except (BrowserFailed, StartError) as error:
            return await self._fail(sink, Reason.BROWSER_FAILED, error)
        except PlaywrightError as error:  # the browser died before its page was ready
            return await self._after_loss(sink, first_line(error))
        if self._replacing:
            self._replacing = False
            return self._serving.pause()
        return await self._after_loss(sink, situation.detail or situation.text, tell=False)

    async def _after_loss(self, sink: DriverSink, why: str, *, tell: bool = True) -> float:
        """Page or browser died: try again soon, but not for ever without a rest."""
        if self._restarts.used_up(self._clock.monotonic()):
            _log.error("%s: page or browser died too often; a rest of %g s", self._session, self._limits.rest)
            await self._serving.tell(
                sink, self._serving.course.to(Situation(SessionState.ERROR, Reason.TOO_MANY_RESTARTS, why))
            )
            return self._limits.rest
        if tell:
            _log.warning("%s: page lost: %s", self._session, why)
            await self._serving.tell(
                sink, self._serving.course.to(Situation(SessionState.RECONNECTING, Reason.PAGE_LOST, why))
            )
        return self._serving.pause()

    async def _fail(self, sink: DriverSink, reason: Reason, error: Exception) -> float:
        _log.error("%s: %s", self._session, error)
        await self._serving.tell(sink, self._serving.course.to(Situation(SessionState.ERROR, reason, str(error))))
        return self._limits.browser_retry

    @override
    async def collect(self, since: Mapping[str, int], baseline: int) -> AsyncIterator[Sequence[IncomingMessage]]:
        async with aclosing(
            calls.collect(self._serving.live(), since, baseline, self._unread, self._limits)
        ) as batches:
            async for batch in batches:
                yield batch

    @property
    @override
    def unread(self) -> Mapping[str, int]:
        return self._unread

    @override
    async def resume(self) -> None:
        """Without effect when the link was lost again: the next `connected` asks for another catch-up."""
        course = self._serving.course
        if not await self._serving.live().call("resume", course.holds):
            course.still_held()
        self._caught_up = True

    @override
    async def resolve(self, to: Jid) -> Jid:
        self._serving.upkeep.busy()
        return await calls.resolve(self._serving.live(), to, self._known, self._clock.monotonic())

    @property
    @override
    def sends(self) -> frozenset[str]:
        return injection.sendable_kinds()

    @override
    async def reserve(self, chat: Jid) -> MessageKey:
        return await calls.reserve(self._serving.live(), chat)

    @override
    async def send(self, key: MessageKey, content: Content) -> int:
        return await calls.send(self._serving.live(), key, content, self._limits)

    @property
    @override
    def answers(self) -> frozenset[str]:
        return injection.answered_actions()

    @override
    async def answer(self, request: Request) -> Any:
        self._serving.upkeep.busy()
        return await calls.answer(self._serving.live(), request, self._known, self._clock.monotonic())

    @override
    async def look_up(self, key: MessageKey) -> LookUp:
        return await calls.look_up(self._serving.live(), key)

    @override
    async def log_out(self) -> None:
        """The page reloads while it answers, so the answer is the situation that follows."""
        page = self._serving.live()
        self._serving.course.logging_out = True
        self._serving.logged_out.clear()
        try:
            await page.call("logOut")
        except (CallInDoubt, DriverUnavailable):
            _log.debug("%s: the page reloaded during the log-out", self._session)
        except PageFailure as failure:
            raise DriverUnavailable(f"WhatsApp Web could not log out: {failure.text}.") from failure
        try:
            async with asyncio.timeout(self._limits.call):
                await self._serving.logged_out.wait()
        except TimeoutError as error:
            raise CallInDoubt("The page did not confirm the log-out.") from error

    @override
    async def delete_login(self) -> None:
        async with Profile(self._profile, patience=self._limits.close) as profile:
            await asyncio.to_thread(profile.empty)

    @override
    async def reload(self) -> None:
        """The browser goes too: only a dead one surely sends nothing any more.

        A page that never got through its catch-up counts as one that was lost, so that this has an end.
        """
        if self._serving.page is not None and self._serving.page.lost is None:
            self._replacing = self._caught_up
            self._serving.page.lose("a reload was asked for")

    @override
    async def take_over(self) -> None:
        self._serving.wishes.take_over()

    @override
    async def link_by_phone(self, number: str) -> None:
        self._serving.wishes.link_by_phone(number)

    @property
    @override
    def memory(self) -> MemoryUse | None:
        return self._serving.upkeep.memory
