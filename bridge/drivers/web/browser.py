"""One Chromium on one profile: started, watched, and closed so that the login is flushed and no process remains.

It starts only on a profile that this process holds (`Profile`), and knows nothing about WhatsApp.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from playwright.async_api import BrowserContext, Page, Playwright, ProxySettings
from playwright.async_api import Error as PlaywrightError

from bridge.contract.proxy import Proxy
from bridge.drivers.web import processes
from bridge.drivers.web.executable import BrowserFailed, LaunchFailed, find_executable, user_agent
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.processes import ProcessMark
from bridge.drivers.web.profile import Profile
from bridge.drivers.web.runtime import PlaywrightRuntime

_log = logging.getLogger(__name__)
#: Added to Playwright's own list, which switches off most of the background traffic.
_NO_BACKGROUND_TRAFFIC = ("--disable-domain-reliability", "--no-pings", "--disable-sync", "--disable-crash-reporter")
#: A popup that opens popups is faster than any reaction to it; what comes in another way is closed (`page`).
_NO_POPUPS = "--block-new-web-contents"
#: Network requests are made in the browser's own process, not in one beside it: 15 MB less for each session (measured).
#: On Linux that process has no sandbox either. If it crashes, so does the browser, which is started again.
_ONE_PROCESS_LESS = "--enable-features=NetworkServiceInProcess2"
#: Grace period (seconds) for the launch error after the browser exited.
_ERROR_GRACE = 1.0
_warned_of_root = False


def _is_root() -> bool:
    global _warned_of_root  # noqa: PLW0603 - once per process, for any number of sessions
    if os.geteuid() != 0:
        return False
    if not _warned_of_root:
        _log.warning("running as root: Chromium's sandbox is off. Run the bridge as a separate user")
        _warned_of_root = True
    return True


class Browser:
    """`async with Browser(...) as browser`: a context on the profile. All its processes have ended on exit.

    With `window` a person can see and use it.
    """

    def __init__(
        self,
        runtime: PlaywrightRuntime,
        profile: Profile,
        *,
        executable: str | None,
        arguments: Sequence[str],
        limits: Limits,
        window: bool = False,
        proxy: Proxy | None = None,
    ) -> None:
        self._runtime = runtime
        self._profile = profile
        self._configured = executable
        self._arguments = arguments
        self._limits = limits
        self._window = window
        self._proxy = proxy
        self._context: BrowserContext | None = None
        self._own: Page | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._runtime.replace_if_dead()
        playwright = await self._runtime.playwright()
        executable = find_executable(self._configured, playwright.chromium.executable_path, window=self._window)
        agent = await user_agent(executable)
        # A cancelled launch continues inside Playwright: let it finish, then close it.
        launch = asyncio.create_task(self._launch(playwright, executable, agent), name="browser launch")
        try:
            await self._wait_for(launch, executable)
            self._context = launch.result()
            if (browser := processes.browser_of(self._profile.path)) is not None:
                self._profile.record(browser)
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
        return self

    async def _wait_for(self, launch: asyncio.Task[BrowserContext], executable: Path) -> None:
        """Wait for the launch, or for the end of its browser: Playwright waits a minute for a browser that has died."""
        death = asyncio.create_task(processes.browser_ended(self._profile.path), name="early end of the browser")
        try:
            # Playwright's own limit is counted by its Node.js, which may hang
            limit = self._limits.launch + self._limits.close
            ended, _ = await asyncio.wait([launch, death], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not launch.done():
                await asyncio.wait([launch], timeout=_ERROR_GRACE)
        finally:
            death.cancel()
        if not launch.done():
            launch.cancel()
            what = "ended while it started" if ended else f"did not start within {limit:g} s"
            raise LaunchFailed(f"{executable} {what}.")

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        for closing in self._closing:
            closing.cancel()
        running = processes.of_profile(self._profile.path)
        try:
            if self._context is not None:
                async with asyncio.timeout(self._limits.close):
                    await self._context.close()
        except (TimeoutError, PlaywrightError):
            _log.warning("the browser did not close in time", exc_info=_log.isEnabledFor(logging.DEBUG))
        finally:
            await self._end(running)

    async def page(self) -> Page:
        """The one page. Unless a person uses the browser, every other one is closed as soon as it opens."""
        context = self._context
        if context is None:
            raise BrowserFailed("The browser is not running.")
        with suppress(KeyError):  # not listening yet
            context.remove_listener("page", self._close_popup)
        self._own = own = context.pages[0] if context.pages else await context.new_page()
        if not self._window:
            context.on("page", self._close_popup)
            for page in context.pages:
                self._close_popup(page)
        return own

    def _close_popup(self, page: Page) -> None:
        if page is not self._own:
            closing = asyncio.create_task(_close_page(page), name="close a popup")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _launch(self, playwright: Playwright, executable: Path, agent: str) -> BrowserContext:
        try:
            return await playwright.chromium.launch_persistent_context(
                self._profile.path,
                executable_path=executable,
                headless=not self._window,
                no_viewport=self._window,
                chromium_sandbox=not _is_root(),
                user_agent=agent,
                proxy=_settings_of(self._proxy),
                args=[
                    *_NO_BACKGROUND_TRAFFIC,
                    *(() if self._window else (_NO_POPUPS, _ONE_PROCESS_LESS)),
                    *self._arguments,
                ],
                accept_downloads=not self._window,
                downloads_path=self._profile.downloads,
                # the bridge handles Ctrl-C: the browser must run until the login is flushed
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=self._limits.launch * 1000,
            )
        except PlaywrightError as error:
            raise LaunchFailed(f"{executable} does not start: {launch_failure(str(error))}") from error

    async def _end(self, running: Sequence[ProcessMark]) -> None:
        """End what still runs on the profile: the next browser needs it free."""
        left = list({*running, *processes.of_profile(self._profile.path)})
        try:
            left = await processes.wait_gone(left, self._limits.close)
        finally:
            processes.kill(left)
        if left:
            _log.warning("killed the browser: it had not ended in time (pid %s)", ", ".join(str(m.pid) for m in left))
            await processes.wait_gone(left, self._limits.close)


def _settings_of(proxy: Proxy | None) -> ProxySettings | None:
    """With a proxy, Playwright sends what goes to this machine through it, too: nothing goes past it."""
    if proxy is None:
        return None
    settings: ProxySettings = {"server": proxy.server}
    if proxy.user is not None:
        settings |= {"username": proxy.user, "password": proxy.password or ""}
    return settings


async def _close_page(page: Page) -> None:
    _log.debug("closing a page that the site opened")
    with suppress(PlaywrightError):
        await page.close()


def launch_failure(report: str) -> str:
    """The browser's last error line in Playwright's report of a failed launch, else the report's first line."""
    errors = [line.partition("[err]")[2].strip() for line in report.splitlines() if "[err]" in line]
    if any("No usable sandbox" in line for line in errors):
        return "its sandbox needs user namespaces, which this host or container does not allow for this user."
    texts = [line for line in errors if line]
    return texts[-1] if texts else report.strip().partition("\n")[0]


def first_line(error: BaseException) -> str:
    """The error text without Playwright's call log."""
    lines = str(error).strip().splitlines()
    return lines[0].removeprefix("Page.goto: ").strip() if lines else type(error).__name__
