"""What a service does first: nothing that it makes is for other users, and it says so where its settings are."""

from __future__ import annotations

import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)
#: What the settings are read from beside the environment.
_FILE = Path(".env")


def keep_private() -> None:
    """Make every file of this process from now on its owner's alone; warn of a file of settings that others can read.

    Logins, messages and passwords have their modes set where they are made; this is for what a library makes.
    """
    os.umask(0o077)
    try:
        mode = _FILE.stat().st_mode
    except OSError:
        return
    if mode & 0o077:
        _log.warning("Other users can read %s, which may hold passwords: chmod 600 %s", _FILE.absolute(), _FILE)
