"""The browser (path, version, whether it starts and loads a page), and the wa-js that is injected into it."""

from __future__ import annotations

import json
import shlex
import tempfile
import time
from importlib import resources
from pathlib import Path

from bridge.contract.errors import CodedError
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.browser import Browser
from bridge.drivers.web.executable import find_executable, user_agent
from bridge.drivers.web.profile import Profile
from bridge.ports import DriverSettings, Finding, fault, ok

_FOLDER = resources.files("bridge.drivers.web")
_INSTALL = "On Debian: apt install chromium-headless-shell. Elsewhere set WA_BROWSER to any Chromium."


async def browser(settings: DriverSettings, runtime: PlaywrightRuntime) -> Finding:
    """Start it once, on a temporary profile."""
    try:
        bundled = (await runtime.playwright()).chromium.executable_path
        executable = find_executable(settings.browser, bundled)
        version = (await user_agent(executable)).partition("Chrome/")[2].partition(".")[0]
    except CodedError as error:
        return fault("browser", error.text, _INSTALL)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="wa-doctor-") as folder:
            async with (
                Profile(Path(folder) / "profile") as profile,
                Browser(
                    runtime,
                    profile,
                    executable=settings.browser,
                    arguments=shlex.split(settings.browser_args),
                    limits=Limits(),
                ) as running,
            ):
                answer = await (await running.page()).evaluate("() => 6 * 7")
    except CodedError as error:
        return fault("browser", error.text, f"Try it manually: {executable} --headless --dump-dom about:blank")
    if answer != 42:
        return fault("browser", f"{executable} starts but evaluates JavaScript wrongly.", _INSTALL)
    seconds = time.monotonic() - started
    return ok("browser", f"{executable} {version} starts and loads a page in {seconds:.1f} s.")


async def wa_js() -> Finding:
    """The installed version against the pinned one."""
    pinned = json.loads((_FOLDER / "package.json").read_text("utf-8"))["dependencies"]["@wppconnect/wa-js"]
    folder = _FOLDER / "node_modules" / "@wppconnect" / "wa-js"
    try:
        installed = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    except FileNotFoundError:
        return fault("wa-js", "It is not installed with the bridge.", "Run scripts/setup, or install the built wheel.")
    if installed != pinned:
        return fault("wa-js", f"Version {installed} is installed, {pinned} is required.", "Run scripts/setup.")
    return ok("wa-js", f"Version {installed}.")
