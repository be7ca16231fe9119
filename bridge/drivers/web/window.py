"""WhatsApp Web in a window on a session's profile: a person pairs there, with whatever the browser offers them.

Nothing is injected: the page and the browser's passkey dialog are as they are. The bridge must not run on the profile.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator
from contextlib import suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from bridge.contract.errors import CodedError, Refused
from bridge.drivers.web.browser import Browser
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.login_files import ProfileFiles
from bridge.drivers.web.profile import Profile, ProfileLocked, mark_paired
from bridge.drivers.web.runtime import PlaywrightRuntime
from bridge.ports import DriverSettings, WindowStep

#: Where WhatsApp Web keeps the address of its account.
_LOGGED_IN = "() => localStorage.getItem('last-wid-md') !== null"
_POLL = 0.5


class NoDisplay(CodedError):
    """This machine or login session has no screen."""

    code = "no_display"
    sentence = (
        "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set). Run this on a machine with a screen and"
        " copy the profile, use ssh -X or VNC, or pair with wa pair and your own browser."
    )


async def pair_in_window(settings: DriverSettings, session: str) -> AsyncIterator[WindowStep]:
    """Open the window; yields `OPEN`, `PAIRED` when the profile has a login, and ends when the window is closed.

    Raises `NoDisplay`, `Refused` if a bridge uses the profile, `ProfileUnusable`, `BrowserFailed`, `SiteUnreachable`.
    """
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise NoDisplay
    try:
        async with (
            PlaywrightRuntime() as runtime,
            Profile(settings.session_dir(session) / ProfileFiles.folder) as profile,
            Browser(
                runtime,
                profile,
                executable=settings.browser,
                arguments=shlex.split(settings.browser_args),
                limits=Limits(),
                window=True,
                proxy=settings.proxy_of(session),
            ) as browser,
        ):
            page = await browser.page()
            with suppress(PlaywrightError):  # the browser shows why, and the person may try again
                await page.goto(settings.web_url, wait_until="commit")
            yield WindowStep.OPEN
            paired = False
            while not page.is_closed():
                if not paired and await _is_logged_in(page):
                    paired = True
                    mark_paired(profile.path, paired=True)
                    yield WindowStep.PAIRED
                await asyncio.sleep(_POLL)
    except ProfileLocked as error:
        raise Refused(
            f"{error.text} Close the session in the panel, or stop the bridge; run this; then start it again."
        ) from error


async def _is_logged_in(page: Page) -> bool:
    with suppress(PlaywrightError):  # while it navigates, or when it was closed
        return bool(await page.evaluate(_LOGGED_IN))
    return False
