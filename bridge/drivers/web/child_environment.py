"""The environment of Chromium and of Playwright's Node.js: what they need, and none of the secrets of this process.

Every process of the same user, and the page's own process after an escape, can read a child's environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import playwright._impl.transport as playwright_transport
from playwright._impl._driver import get_driver_env

#: Where Node.js keeps the compiled form of what it loads: half of its start is the compilation of Playwright.
_NODE_CACHE = "NODE_COMPILE_CACHE"
#: Playwright's Node.js passes messages on and keeps few. With V8's default for young objects (16 MB) and a heap of the
#: C library for each of its threads it takes 30 MB more (measured). Texts of 4 MB cost it an eighth more CPU this way;
#: messages and sends show no difference.
_SMALL = {"NODE_OPTIONS": "--max-semi-space-size=2", "MALLOC_ARENA_MAX": "1"}
#: Names another Node.js, which may refuse these options and not start.
_OTHER_NODE = "PLAYWRIGHT_NODEJS_PATH"
_NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "NO_PROXY"}
    | {"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "LD_LIBRARY_PATH", "SYSTEMROOT"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "DEBUG"}
    | {_NODE_CACHE}
)
_PREFIXES = ("LC_", "XDG_", "PLAYWRIGHT_", "PW_", "FONTCONFIG_", "CHROME_", "CHROMIUM_")


def child_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of `environment` that a browser needs."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in _NAMES or name.upper().startswith(_PREFIXES)
    }


def clean_playwright(node_cache: Path | None = None) -> None:
    """Let Playwright start its Node.js with `child_environment`; its public interface has no option for that.

    `node_cache`: a folder in which Node.js keeps compiled code, unless the environment names one.
    """
    added = {} if node_cache is None else {_NODE_CACHE: str(node_cache)}
    if _OTHER_NODE not in os.environ:
        added |= _SMALL
    vars(playwright_transport)["get_driver_env"] = lambda: added | child_environment(get_driver_env())
