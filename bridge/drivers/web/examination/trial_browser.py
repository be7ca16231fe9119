"""A browser for a look at the site: with the settings of the sessions, without their logins."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.contract.proxy import Proxy
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.browser import Browser
from bridge.drivers.web.profile import Profile
from bridge.ports import DriverSettings


@asynccontextmanager
async def trial_browser(
    settings: DriverSettings, runtime: PlaywrightRuntime, limits: Limits, proxy: Proxy | None = None
) -> AsyncIterator[Browser]:
    """Start it on a temporary profile, which is deleted at the end. Raises what `Browser` raises."""
    with tempfile.TemporaryDirectory(prefix="wa-doctor-") as folder:
        async with (
            Profile(Path(folder) / "profile") as profile,
            Browser(
                runtime,
                profile,
                executable=settings.browser,
                arguments=shlex.split(settings.browser_args),
                limits=limits,
                proxy=proxy,
            ) as browser,
        ):
            yield browser
