"""One Chromium on one profile: started, watched, closed so that the login is flushed and no process stays.

It refuses to start on a profile that is not ours (`Profile`), and knows nothing about WhatsApp.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from playwright.async_api import BrowserContext, Page, Playwright
from playwright.async_api import Error as PlaywrightError

from bridge.drivers.web import processes
from bridge.drivers.web.executable import BrowserFailed, LaunchFailed, find_executable, user_agent
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.processes import ProcessMark
from bridge.drivers.web.profile import Profile
from bridge.drivers.web.runtime import PlaywrightRuntime

_log = logging.getLogger(__name__)
#: On top of Playwright's own list, which switches most of the background traffic off.
_QUIET = ("--disable-domain-reliability", "--no-pings", "--disable-sync", "--disable-crash-reporter")
_LAUNCH_LIMIT = 60.0
#: Seconds for the error of a launch whose browser has ended.
_LAST_WORDS = 1.0
_warned_of_root = False


def _is_root() -> bool:
    global _warned_of_root  # noqa: PLW0603 - once a process, whatever the number of sessions
    if os.geteuid() != 0:
        return False
    if not _warned_of_root:
        _log.warning("running as root: Chromium's sandbox is off. Run the bridge as a user of its own")
        _warned_of_root = True
    return True


class Browser:
    """`async with Browser(...) as browser`: a context on the profile, gone for certain afterwards."""

    def __init__(
        self,
        runtime: PlaywrightRuntime,
        profile: Profile,
        *,
        executable: str | None,
        arguments: Sequence[str],
        limits: Limits,
    ) -> None:
        self._runtime = runtime
        self._profile = profile
        self._configured = executable
        self._arguments = arguments
        self._limits = limits
        self._context: BrowserContext | None = None

    async def __aenter__(self) -> Self:
        await self._runtime.replace_if_dead()
        playwright = await self._runtime.playwright()
        executable = find_executable(self._configured, playwright.chromium.executable_path)
        agent = await user_agent(executable)
        # A launch that is cancelled half-way goes on inside Playwright: it is finished first, then closed.
        launch = asyncio.create_task(self._launch(playwright, executable, agent), name="browser launch")
        try:
            await self._wait_for(launch, executable)
            self._context = launch.result()
        except asyncio.CancelledError:
            done, _ = await asyncio.wait([launch], timeout=self._limits.close)
            launch.cancel()
            if done and launch.exception() is None:
                self._context = launch.result()
            await self._close()
            raise
        except BaseException:
            await self._close()
            raise
        browser = processes.browser_of(self._profile.path)
        if browser is not None:
            self._profile.record(browser)
        return self

    async def _wait_for(self, launch: asyncio.Task[BrowserContext], executable: Path) -> None:
        """Until the launch is over; Playwright may wait in vain, for a minute, for a browser that has died."""
        death = asyncio.create_task(processes.browser_ended(self._profile.path), name="browser that dies early")
        try:
            await asyncio.wait([launch, death], return_when=asyncio.FIRST_COMPLETED)
            if not launch.done():
                await asyncio.wait([launch], timeout=_LAST_WORDS)
        finally:
            death.cancel()
        if not launch.done():
            launch.cancel()
            raise LaunchFailed(f"{executable} ended while it started.")

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        family = processes.of_profile(self._profile.path)
        try:
            if self._context is not None:
                async with asyncio.timeout(self._limits.close):
                    await self._context.close()
        except (TimeoutError, PlaywrightError):
            _log.warning("the browser did not close by itself", exc_info=_log.isEnabledFor(logging.DEBUG))
        finally:
            await self._end(family)

    async def page(self) -> Page:
        if self._context is None:
            raise BrowserFailed("The browser is not running.")
        pages = self._context.pages
        return pages[0] if pages else await self._context.new_page()

    async def _launch(self, playwright: Playwright, executable: Path, agent: str) -> BrowserContext:
        try:
            return await playwright.chromium.launch_persistent_context(
                self._profile.path,
                executable_path=executable,
                headless=True,
                chromium_sandbox=not _is_root(),
                user_agent=agent,
                args=[*_QUIET, *self._arguments],
                accept_downloads=False,
                # Ctrl-C is the bridge's to handle: the browser must live until the login is flushed
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=_LAUNCH_LIMIT * 1000,
            )
        except PlaywrightError as error:
            raise LaunchFailed(f"{executable} does not start: {why_not_started(str(error))}") from error

    async def _end(self, family: Sequence[ProcessMark]) -> None:
        """Whatever still runs on the profile ends here; the next browser must find it free."""
        left = list({*family, *processes.of_profile(self._profile.path)})
        try:
            left = await processes.wait_gone(left, self._limits.close)
        finally:
            processes.kill(left)
        if left:
            _log.warning("killed the browser, which had not ended (pid %s)", ", ".join(str(m.pid) for m in left))
            await processes.wait_gone(left, self._limits.close)


def why_not_started(report: str) -> str:
    """The browser's own last words in Playwright's report of a failed launch, or the report's first line."""
    words = [line.partition("[err]")[2].strip() for line in report.splitlines() if "[err]" in line]
    if any("No usable sandbox" in line for line in words):
        return "its sandbox needs user namespaces, which this host or container forbids to this user."
    spoken = [line for line in words if line]
    return spoken[-1] if spoken else report.strip().partition("\n")[0]


def first_line(error: BaseException) -> str:
    """What went wrong, without Playwright's call log."""
    lines = str(error).strip().splitlines()
    return lines[0].removeprefix("Page.goto: ").strip() if lines else type(error).__name__
