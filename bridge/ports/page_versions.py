"""The port to what an operator can replace of a driver between two releases: its library, and the page that it opens.

A package is an npm tarball as `npm pack` writes it; drivers download nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from bridge.ports.driver_kind import DriverSettings


@dataclass(frozen=True, slots=True)
class LibraryVersion:
    """One copy of the library. `supports`: the versions of the page that it names; `fault`: why it cannot be loaded."""

    version: str
    origin: Literal["shipped", "installed", "file"]
    sha256: str
    supports: str | None = None
    used: bool = False
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class PageVersion:
    """One saved version of the page. `used`: the settings pin the page to it."""

    version: str
    released: datetime
    used: bool = False

    def age(self, now: datetime) -> int:
        """Whole days since its release."""
        return (now - self.released).days


class PageVersions(Protocol):
    """The versions that a driver can run, kept in the data directory."""

    @property
    def library_package(self) -> str:
        """Name of the library's npm package."""
        ...

    @property
    def page_package(self) -> str:
        """Name of the npm package with the page's HTML of past versions."""
        ...

    def libraries(self, settings: DriverSettings) -> list[LibraryVersion]:
        """The shipped one, then the others; exactly one is used."""
        ...

    def extract_library(self, package: Path, file: Path) -> LibraryVersion:
        """Write the library to `file`, for a trial. Raises `StartError` for another package."""
        ...

    def install_library(self, settings: DriverSettings, package: Path) -> LibraryVersion:
        """Keep the library with its hash; it is not used before `use_library`. Raises `StartError`."""
        ...

    def use_library(self, settings: DriverSettings, version: str | None) -> LibraryVersion:
        """Select an installed version, None = the shipped one, from the next start on. Raises `StartError`."""
        ...

    def pages(self, settings: DriverSettings) -> list[PageVersion]:
        """The saved pages, newest first."""
        ...

    def offered_pages(self, package: Path) -> list[PageVersion]:
        """What a package of pages contains, newest first. Raises `StartError` for another package."""
        ...

    def save_page(self, settings: DriverSettings, package: Path, version: str) -> PageVersion:
        """Keep one page of the package, for the settings to name. Raises `StartError` for an unknown version."""
        ...
