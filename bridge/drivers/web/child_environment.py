"""The environment of Chromium and of Playwright's Node.js: what they need, and none of the secrets of this process.

Every process of the same user, and the page's own process after an escape, can read a child's environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import playwright._impl.transport as playwright_transport
from playwright._impl._driver import get_driver_env

_NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "NO_PROXY"}
    | {"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "LD_LIBRARY_PATH", "SYSTEMROOT"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "DEBUG"}
)
_PREFIXES = ("LC_", "XDG_", "PLAYWRIGHT_", "PW_", "FONTCONFIG_", "CHROME_", "CHROMIUM_")


def child_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of `environment` that a browser needs."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in _NAMES or name.upper().startswith(_PREFIXES)
    }


def clean_playwright() -> None:
    """Let Playwright start its Node.js with `child_environment`; its public interface has no option for that."""
    vars(playwright_transport)["get_driver_env"] = lambda: child_environment(get_driver_env())
