"""`wa pair --window`: a browser with a window, on a virtual screen, without a bridge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from bridge.app.watchdog import Watchdog
from bridge.drivers.web.login_files import ProfileFiles
from bridge.drivers.web.processes import browser_of, end
from bridge.drivers.web.profile import Profile
from bridge.sandbox import Sandbox
from tests.cli.conftest import StartCommand, Wa
from tests.parts import require_binary

TIMEOUT = 40.0


@pytest.fixture
async def screen() -> AsyncIterator[str]:
    """The name of a display of its own."""
    xvfb = require_binary("Xvfb", "xvfb")
    ready, written = os.pipe()
    process = await asyncio.create_subprocess_exec(
        xvfb,
        "-displayfd",
        str(written),
        "-screen",
        "0",
        "1024x768x24",
        "-nolisten",
        "tcp",
        pass_fds=[written],
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(written)
    try:
        async with asyncio.timeout(TIMEOUT):
            number = await asyncio.to_thread(os.read, ready, 16)
        yield f":{number.decode().strip()}"
    finally:
        os.close(ready)
        process.terminate()
        await process.wait()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions" / "haby" / "profile"


async def test_the_phone_scans_the_window_and_the_login_is_on_the_profile(
    start: StartCommand, screen: str, profile: Path
) -> None:
    require_binary("chromium", "chromium")
    async with Sandbox() as sandbox:
        linking = sandbox.world.linking
        process = await start("pair", "--window", DISPLAY=screen, WA_WEB_URL=sandbox.url)
        assert process.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            assert b"window that has opened" in await process.stdout.readline()
            while not any(slot.scannable for slot in linking.slots.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            browser = browser_of(profile)
            assert browser is not None
            assert "--headless" not in psutil.Process(browser.pid).cmdline()
            async with Watchdog(ProfileFiles().watchdog) as watchdog:  # of a bridge that has closed the session
                await watchdog.allow(profile, 0.0)
                await asyncio.sleep(1.5)
            assert browser.is_alive
            linking.scan()
            assert b"Paired." in await process.stdout.readline()
            await asyncio.sleep(1)  # the person looks at the chats
            await end([browser], 10)  # and closes the window
            assert await process.wait() == 0
        assert len(linking.devices) == 1
        assert ProfileFiles().is_paired(profile)  # before a bridge has run on it
        async with Profile(profile):  # free again
            pass


async def test_a_window_that_is_closed_too_early(start: StartCommand, screen: str, profile: Path) -> None:
    require_binary("chromium", "chromium")
    async with Sandbox() as sandbox:
        process = await start("pair", "--window", DISPLAY=screen, WA_WEB_URL=sandbox.url)
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.timeout(TIMEOUT):
            await process.stdout.readline()
            browser = browser_of(profile)
            assert browser is not None
            await end([browser], 10)
            assert await process.wait() == 1
            assert b"closed before it was paired" in await process.stderr.read()


async def test_what_stands_in_the_way_is_said(wa: Wa, profile: Path) -> None:
    without = await wa("pair", "--window", DISPLAY="", WAYLAND_DISPLAY="")
    assert (without.code, "no display here" in without.err) == (1, True)
    async with Profile(profile):
        held = await wa("pair", "--window", DISPLAY=":99")
    assert (held.code, "Close the session in the panel, or stop the bridge" in held.err) == (1, True)
    assert (await wa("pair", "--window", "--once")).code == 2
    scripted = await wa("pair", "--window", WA_DRIVER="scripted")
    assert "without a window" in scripted.err
