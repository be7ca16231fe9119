"""The port to a kind of driver: how it is opened, what it keeps of a login on disk, what `wa doctor` checks of it.

`WA_DRIVER` names the kind. Backup, doctor and composition know it by this protocol only.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bridge.contract.findings import Finding
from bridge.contract.proxy import Proxy
from bridge.ports.clock import Clock
from bridge.ports.driver import WhatsAppDriver
from bridge.ports.page_versions import PageVersions

#: Makes the driver of a session, by its name.
DriverFactory = Callable[[str], WhatsAppDriver]
#: The work of one check.
Check = Awaitable[Finding | Iterable[Finding] | None] | AsyncIterable[Finding]


class DriverSettings(Protocol):
    """The settings that drivers read."""

    @property
    def data_dir(self) -> Path: ...

    @property
    def web_url(self) -> str: ...

    @property
    def web_version(self) -> str | None: ...

    @property
    def wa_js_file(self) -> Path | None: ...

    @property
    def browser(self) -> str | None: ...

    @property
    def browser_args(self) -> str: ...

    @property
    def browsers_starting(self) -> int:
        """Browsers that start at once."""
        ...

    @property
    def browser_memory(self) -> int | None:
        """Bytes that all browsers may use; None = no limit."""
        ...

    @property
    def session_names(self) -> Sequence[str]: ...

    def proxy_of(self, session: str) -> Proxy | None:
        """The proxy of a session, as far as the settings know it."""
        ...

    @property
    def available(self) -> bool:
        """Whether contacts see the account as online."""
        ...

    def session_dir(self, name: str) -> Path: ...


class LoginFiles(Protocol):
    """What a driver keeps of a login: one folder in the session's folder."""

    @property
    def folder(self) -> str:
        """Name of the folder within the session's folder."""
        ...

    @property
    def lock(self) -> str:
        """Name of the file in it that is locked while a driver uses it."""
        ...

    def excluded(self, folder: str, names: list[str]) -> set[str]:
        """The names that a backup leaves out; an `ignore` of `shutil.copytree`."""
        ...

    def exclusive(self, path: Path) -> AbstractAsyncContextManager[object]:
        """Keeps drivers off the folder at `path` while the context lasts."""
        ...

    def leftover(self, path: Path) -> int | None:
        """Pid of a process that a bridge left behind on the folder at `path`. Blocking."""
        ...

    def is_paired(self, path: Path) -> bool:
        """Whether the folder at `path` has a login that was valid when it was last used."""
        ...

    @property
    def watchdog(self) -> Sequence[str]:
        """A program that ends what drives a folder when its time is over, even while the bridge is frozen.

        It reads lines: seconds of the clock that counts a suspended machine's time, a blank, the folder's path. A later
        line of the same folder replaces the time. When its input ends, every time is over.
        """
        ...


class WindowStep(StrEnum):
    """What happened in a window in which a person pairs."""

    OPEN = "open"
    PAIRED = "paired"


class DriverKind(Protocol):
    """One way to WhatsApp."""

    @property
    def name(self) -> str:
        """Its name in `WA_DRIVER`."""
        ...

    @property
    def login(self) -> LoginFiles | None:
        """What it keeps of a login; None for a driver without files."""
        ...

    @property
    def versions(self) -> PageVersions | None:
        """What of it an operator can replace; None for a driver without such parts."""
        ...

    def open(self, settings: DriverSettings, clock: Clock) -> AbstractAsyncContextManager[DriverFactory]:
        """A factory of drivers, which are usable inside the context. Raises `StartError`."""
        ...

    def describe(self, settings: DriverSettings) -> str:
        """Its name and the versions that it runs, for a person. Raises `StartError` as `open` does."""
        ...

    def pair_in_window(self, settings: DriverSettings, session: str) -> AsyncIterator[WindowStep]:
        """Let a person pair in a window here; ends when it is closed. Raises `CodedError` where there can be none."""
        ...

    def examine(self, settings: DriverSettings) -> AsyncIterator[tuple[str, Check]]:
        """The checks of `wa doctor`, each with its name."""
        ...
