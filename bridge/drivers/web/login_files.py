"""The browser profile on disk, as backups and `wa doctor` see it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from bridge.drivers.web.processes import browser_of
from bridge.drivers.web.profile import DOWNLOADS, LOCK, PAIRED, Profile
from bridge.ports import LoginFiles

#: Folders that Chromium recreates. They are most of a profile's size and hold no part of the login.
CACHES = frozenset(
    {
        "BrowserMetrics",
        "Cache",
        "Code Cache",
        "Crashpad",
        "DawnCache",
        "DawnGraphiteCache",
        "DawnWebGPUCache",
        "GPUCache",
        "GrShaderCache",
        "GraphiteDawnCache",
        "Service Worker",
        "ShaderCache",
    }
)
#: Locks and addresses of one browser run.
RUNTIME_FILES = frozenset(
    {LOCK, DOWNLOADS, "DevToolsActivePort", "SingletonCookie", "SingletonLock", "SingletonSocket"}
)


class ProfileFiles(LoginFiles):
    folder: ClassVar = "profile"
    lock: ClassVar = LOCK

    @override
    def excluded(self, folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name in CACHES or name in RUNTIME_FILES or not _is_plain(Path(folder) / name)}

    @override
    def exclusive(self, path: Path) -> AbstractAsyncContextManager[object]:
        return Profile(path)

    @override
    def leftover(self, path: Path) -> int | None:
        browser = browser_of(path)
        return None if browser is None else browser.pid

    @override
    def is_paired(self, path: Path) -> bool:
        return (path / PAIRED).exists()

    @property
    @override
    def watchdog(self) -> Sequence[str]:
        return (sys.executable, "-I", str(Path(__file__).with_name("watchdog_program.py")))


def _is_plain(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or path.is_file())
