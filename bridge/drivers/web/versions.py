"""The versions that a driver's pages run: wa-js, and the page's HTML if it is pinned; the operator's choice of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from bridge.drivers.web import library, pinned_page
from bridge.drivers.web.library import InstalledLibraries, Library
from bridge.drivers.web.pinned_page import PinnedPage
from bridge.ports import DriverSettings, LibraryVersion, PageVersion, PageVersions


@dataclass(frozen=True, slots=True)
class ChosenVersions:
    """Read once at the start, so that every page of a run is the same, whatever happens to the files."""

    library: Library
    page: PinnedPage | None = None

    @classmethod
    def of(cls, settings: DriverSettings) -> ChosenVersions:
        """Raises `StartError` for a library or a page that cannot be loaded."""
        return cls(library.chosen(settings), pinned_page.chosen(settings))

    @property
    def label(self) -> str:
        """`wa-js 4.6.0 (shipped)`, with the pinned page if there is one."""
        return ", ".join(part.label for part in (self.library, self.page) if part is not None)


class WebVersions(PageVersions):
    library_package = library.PACKAGE
    page_package = pinned_page.PACKAGE

    @override
    def libraries(self, settings: DriverSettings) -> list[LibraryVersion]:
        installed = InstalledLibraries(settings.data_dir)
        own = library.of_file(settings.wa_js_file) if settings.wa_js_file else None
        shipped = _listed(library.shipped(), used=own is None and installed.used is None)
        others = installed.all()
        return [shipped, *others] if own is None else [shipped, *map(_unused, others), _listed(own, used=True)]

    @override
    def extract_library(self, package: Path, file: Path) -> LibraryVersion:
        extracted = library.in_package(package)
        file.write_text(extracted.text, "utf-8")
        return _listed(extracted, used=False)

    @override
    def install_library(self, settings: DriverSettings, package: Path) -> LibraryVersion:
        return InstalledLibraries(settings.data_dir).install(package)

    @override
    def use_library(self, settings: DriverSettings, version: str | None) -> LibraryVersion:
        return _listed(InstalledLibraries(settings.data_dir).use(version), used=settings.wa_js_file is None)

    @override
    def pages(self, settings: DriverSettings) -> list[PageVersion]:
        return pinned_page.saved_pages(settings)

    @override
    def offered_pages(self, package: Path) -> list[PageVersion]:
        return pinned_page.offered_pages(package)

    @override
    def save_page(self, settings: DriverSettings, package: Path, version: str) -> PageVersion:
        return pinned_page.save_page(settings, package, version)


def _listed(copy: Library, *, used: bool) -> LibraryVersion:
    return LibraryVersion(copy.version, copy.origin, copy.sha256, copy.supports, used)


def _unused(version: LibraryVersion) -> LibraryVersion:
    return LibraryVersion(version.version, version.origin, version.sha256, version.supports, False, version.fault)
