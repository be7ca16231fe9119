"""Worlds for the suite: a script, and a sandbox with a real browser and the real wa-js."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.drivers.web import PlaywrightRuntime
from bridge.drivers.web.executable import NAMES
from bridge.drivers.web.processes import of_profile
from bridge.sandbox import Sandbox
from tests.parts import require_binary

from .worlds import ScriptedWorld, WebWorld, World


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebWorld]:
    """WhatsApp Web's double, a browser profile, and the proof that no browser is left when the test is over."""
    if not any(map(shutil.which, NAMES)):
        require_binary(NAMES[0], NAMES[0])
    profile = tmp_path / "profile"
    async with Sandbox() as sandbox, PlaywrightRuntime() as runtime:
        yield WebWorld(sandbox, runtime, profile)
        left = of_profile(profile)
    assert left == []


@pytest.fixture(params=["scripted", "web"])
def world(request: pytest.FixtureRequest) -> World:
    """Each driver's world in turn."""
    if request.param == "scripted":
        return ScriptedWorld()
    browser_world: WebWorld = request.getfixturevalue("web")
    return browser_world
