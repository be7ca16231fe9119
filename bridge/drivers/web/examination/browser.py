"""The browser: path, version, whether it starts and loads a page."""

from __future__ import annotations

import time

from bridge.contract.errors import CodedError
from bridge.contract.findings import Finding, fault, ok
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.examination.trial_browser import trial_browser
from bridge.drivers.web.executable import INSTALL, find_executable, user_agent
from bridge.ports import DriverSettings


async def browser(settings: DriverSettings, runtime: PlaywrightRuntime) -> Finding:
    """Start it once, on a temporary profile."""
    try:
        bundled = (await runtime.playwright()).chromium.executable_path
        executable = find_executable(settings.browser, bundled)
        version = (await user_agent(executable)).partition("Chrome/")[2].partition(".")[0]
    except CodedError as error:
        return fault("browser", what_failed(error), INSTALL)
    started = time.monotonic()
    try:
        async with trial_browser(settings, runtime, Limits()) as running:
            answer = await (await running.page()).evaluate("() => 6 * 7")
    except CodedError as error:
        return fault("browser", error.text, f"Try it manually: {executable} --headless --dump-dom about:blank")
    if answer != 42:
        return fault("browser", f"{executable} starts but evaluates JavaScript wrongly.", INSTALL)
    seconds = time.monotonic() - started
    return ok("browser", f"{executable} {version} starts and loads a page in {seconds:.1f} s.")


def what_failed(error: CodedError) -> str:
    """The text without how to install a browser, which is the advice."""
    return error.text.removesuffix(INSTALL).rstrip()
