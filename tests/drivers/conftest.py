"""The worlds of the suite: a scripted phone, and the sandbox with a real browser and the real wa-js."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.drivers.web import PlaywrightRuntime
from bridge.drivers.web.executable import NAMES
from bridge.drivers.web.processes import of_profile
from bridge.sandbox import Sandbox
from tests.drivers.worlds import ScriptedWorld, WebWorld, World
from tests.parts import require_binary


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def runtime() -> AsyncIterator[PlaywrightRuntime]:
    """One Playwright for all tests, as all sessions of a bridge share one."""
    async with PlaywrightRuntime() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def web(tmp_path: Path, runtime: PlaywrightRuntime) -> AsyncIterator[WebWorld]:
    """The sandbox and a browser profile; checks after the test that no browser is left."""
    if not any(map(shutil.which, NAMES)):
        require_binary(NAMES[0], NAMES[0])
    profile = tmp_path / "profile"
    async with Sandbox() as sandbox:
        yield WebWorld(sandbox, runtime, profile)
        left = of_profile(profile)
    assert left == []


@pytest.fixture(params=["scripted", "web"])
def world(request: pytest.FixtureRequest) -> World:
    """The world of each driver in turn."""
    if request.param == "scripted":
        return ScriptedWorld()
    browser_world: WebWorld = request.getfixturevalue("web")
    return browser_world
