"""Finds the browser to run, and the user agent that it sends."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

from bridge.contract.errors import CodedError
from bridge.drivers.web.child_environment import child_environment

#: By memory use: headless-shell takes about half as much as chromium (213 against 394 MiB for one page).
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
#: Ubuntu has Chromium as a snap only, which cannot use a profile outside its own folders: hence Playwright's.
INSTALL = (
    "On Debian: apt install chromium-headless-shell. On Ubuntu and macOS:"
    f" {sys.executable} -m playwright install --with-deps chromium. Or name any Chromium in WA_BROWSER."
)
#: Ends the names of the builds of Chromium that have no window.
_WITHOUT_WINDOW = "headless-shell"
#: The answers of browsers, by path and time of change: the question takes 28 ms of CPU, and each session asks it.
_agents: dict[tuple[Path, int], str] = {}
_VERSION = re.compile(r"(\d+)\.\d+\.\d+\.\d+")


class BrowserFailed(CodedError):
    """No browser is available, or it does not start; the text says what to do."""

    code = "browser_failed"


class LaunchFailed(BrowserFailed):
    """An installed browser did not start this time."""


def find_executable(configured: str | None, playwright_own: str | None = None, *, window: bool = False) -> Path:
    """The configured browser (path or name), else one on the PATH, else Playwright's own. Raises `BrowserFailed`.

    With `window`, one that can show a window.
    """
    if window and Path(configured or "").name.endswith(_WITHOUT_WINDOW):
        configured = None
    if configured:
        found = shutil.which(Path(configured).expanduser())
        if found is None:
            raise BrowserFailed(f"WA_BROWSER names {configured!r}, which is not a program on this host.")
        return Path(found)
    for name in NAMES[1:] if window else NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    if playwright_own and os.access(playwright_own, os.X_OK):
        return Path(playwright_own)
    if window:
        raise BrowserFailed(
            "No browser with a window is installed. On Debian: apt install chromium. Elsewhere name any Chromium in"
            " WA_BROWSER."
        )
    raise BrowserFailed(f"No browser is installed. {INSTALL}")


def _changed_at(executable: Path) -> int:
    return executable.stat().st_mtime_ns


async def user_agent(executable: Path, limit: float = 20.0) -> str:
    """That of a desktop Chrome of the same version: WhatsApp Web refuses `HeadlessChrome`. Raises `BrowserFailed`."""
    try:
        asked = executable, _changed_at(executable)
        if (known := _agents.get(asked)) is not None:
            return known
        async with asyncio.timeout(limit):
            process = await asyncio.create_subprocess_exec(
                executable,
                "--version",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=child_environment(),
            )
            try:
                answer, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
    except TimeoutError as error:
        raise BrowserFailed(f"{executable} does not answer to --version.") from error
    except OSError as error:
        raise BrowserFailed(f"{executable} does not start: {error.strerror}.") from error
    version = _VERSION.search(answer.decode("utf-8", "replace"))
    if version is None:
        raise BrowserFailed(f"{executable} --version names no version: it is not a Chromium.")
    agent = _agents[asked] = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        f" Chrome/{version[1]}.0.0.0 Safari/537.36"
    )
    return agent
