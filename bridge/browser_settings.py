"""The settings of the browsers: where they go, how many start at once, what they may use, when they are closed."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic_settings import BaseSettings, NoDecode

from bridge.contract.proxy import Proxy
from bridge.contract.session_options import parse_sleep_after, parse_sleep_check
from bridge.setting_types import SessionProxies, parse_size, parsed, setting


def _starts_at_once() -> int:
    """Two for each core: half of a start is waiting for the page."""
    return 2 * (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class BrowserSettings(BaseSettings):
    """The part of the bridge's settings that matters with many sessions."""

    browser: str | None = setting(
        "WA_BROWSER",
        default=None,
        description="Path of a Chromium. Default: the first of chromium-headless-shell, chromium, google-chrome"
        " that is installed.",
    )
    browser_args: str = setting(
        "WA_BROWSER_ARGS",
        default="",
        description="Extra arguments for Chromium, separated by blanks; for example --lang=es-AR",
    )
    proxy: Annotated[SessionProxies, NoDecode, parsed(SessionProxies.parse)] = setting(
        "WA_PROXY",
        default="",
        description="Proxy of the browsers: http://user:password@host:port, https://… or socks5://host:port for every"
        " session, name=address for one, comma list. `wa session set` changes that of one session while the bridge"
        " runs. Webhooks and files of commands do not go through it.",
    )
    browsers_starting: int = setting(
        "WA_BROWSERS_STARTING",
        default_factory=_starts_at_once,
        ge=1,
        le=1000,
        description="Browsers that start at once; the other sessions wait for their turn, those that were connected"
        " before first. Default: two for each core.",
    )
    browser_memory: Annotated[int | None, NoDecode, parsed(parse_size)] = setting(
        "WA_BROWSER_MEMORY",
        default=None,
        description="Memory that all browsers may use, for example 3GB; a session whose browser does not fit waits and"
        " says so. Default: no limit.",
    )
    sleep_after: Annotated[int | None, NoDecode, parsed(parse_sleep_after)] = setting(
        "WA_SLEEP_AFTER",
        default="off",
        description="Time without a message, send or request, 1m to 7d, after which a session sleeps: its browser is"
        " closed, and it receives nothing until it wakes. `wa session set` excepts a session. off: none sleeps.",
    )
    sleep_check: Annotated[int, NoDecode, parsed(parse_sleep_check)] = setting(
        "WA_SLEEP_CHECK",
        default="1h",
        description="How long a session sleeps at most (1m to 7d) until it looks for messages, which then come late.",
    )

    def proxy_of(self, session: str) -> Proxy | None:
        """The proxy of a session that has none of its own."""
        return self.proxy.of(session)
