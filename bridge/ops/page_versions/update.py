"""A newer library, from npm to the data directory; and one saved page. Nothing is kept that did not pass its trial."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.ops.page_versions.npm import fetch_package
from bridge.ops.page_versions.trial import TrialFailed, try_library
from bridge.ports import Clock, DriverKind, LibraryVersion, PageVersion, PageVersions
from bridge.settings import BridgeSettings


def versions_of(kind: DriverKind) -> PageVersions:
    """What the driver lets an operator replace. Raises ValueError where that is nothing."""
    if kind.versions is None:
        raise ValueError(f"WA_DRIVER={kind.name} runs neither wa-js nor a page.")
    return kind.versions


async def update_library(
    kind: DriverKind, settings: BridgeSettings, version: str | None, clock: Clock, progress: Callable[[str], None]
) -> LibraryVersion:
    """Fetch a version, None = the newest, try it, keep it and select it; `progress` gets a sentence for each step.

    Raises `NpmFailed`, `TrialFailed`, `StartError`, `OSError`; then everything is as before.
    """
    versions = versions_of(kind)
    async with _fetched(versions.library_package, version) as package:
        file = package.with_suffix(".js")
        library = versions.extract_library(package, file)
        progress(f"fetched with npm: {versions.library_package} {library.version}")
        if library.sha256 == versions.libraries(settings)[0].sha256:
            progress("it is the shipped one")
            return versions.use_library(settings, None)
        try:
            async for step in try_library(kind, settings, file, clock):
                progress(f"tried on the sandbox: {step}")
        except TrialFailed as error:
            raise TrialFailed(f"{versions.library_package} {library.version} is refused. {error.text}") from error
        kept = versions.install_library(settings, package)
    return versions.use_library(settings, kept.version)


async def offered_pages(kind: DriverKind) -> list[PageVersion]:
    """The pages that npm has, newest first. Raises `NpmFailed`, `StartError`."""
    versions = versions_of(kind)
    async with _fetched(versions.page_package, None) as package:
        return versions.offered_pages(package)


async def save_page(kind: DriverKind, settings: BridgeSettings, version: str) -> PageVersion:
    """Keep one page for WA_WEB_VERSION. Raises `NpmFailed`, `StartError` for a version that npm does not have."""
    versions = versions_of(kind)
    async with _fetched(versions.page_package, None) as package:
        return versions.save_page(settings, package, version)


@asynccontextmanager
async def _fetched(package: str, version: str | None) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wa-npm-") as folder:
        yield await fetch_package(package, version, Path(folder))
