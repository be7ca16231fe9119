"""WhatsApp's page pinned to saved HTML: the document comes from here, everything that it loads from the site.

The age of a saved page is its file's modification time, which is set to its release.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from bridge.contract.errors import StartError
from bridge.drivers.web.npm_archive import NpmArchive, check_version
from bridge.ports import DriverSettings, PageVersion

_log = logging.getLogger(__name__)
PACKAGE = "@wppconnect/wa-version"
_HEADERS = [
    {"name": "Content-Type", "value": "text/html; charset=utf-8"},
    {"name": "Cache-Control", "value": "no-store"},
]


@dataclass(frozen=True, slots=True)
class PinnedPage:
    """The HTML that the site's document is replaced with."""

    version: str
    released: datetime
    html: bytes = field(repr=False)

    @property
    def label(self) -> str:
        """`page pinned to 2.3000.1048032155-alpha, 9 days old`."""
        days = PageVersion(self.version, self.released).age(datetime.now(UTC))
        return f"page pinned to {self.version}, {days} {'day' if days == 1 else 'days'} old"

    async def serve(self, page: Page, url: str) -> None:
        """Replace the site's document at `url` (any query) after it has arrived: cookies are kept, an error stays one.

        Not by Playwright's `route`: that pauses every request of the page and switches the browser's cache off. The
        site's service worker is bypassed, since it could answer instead; it stays registered.
        """
        session = await page.context.new_cdp_session(page)
        saved = {"responseCode": 200, "responseHeaders": _HEADERS, "body": base64.b64encode(self.html).decode()}

        async def replace(event: dict[str, Any]) -> None:
            request = {"requestId": event["requestId"]}
            try:
                if "responseErrorReason" in event or event["responseStatusCode"] >= 400:
                    await session.send("Fetch.continueRequest", request)
                else:
                    await session.send("Fetch.fulfillRequest", request | saved)
            except PlaywrightError:
                _log.debug("the page closed before it got its document", exc_info=True)

        session.on("Fetch.requestPaused", replace)
        await session.send("Network.enable")  # without it the next call has no effect
        await session.send("Network.setBypassServiceWorker", {"bypass": True})
        pattern = {"resourceType": "Document", "requestStage": "Response"}
        await session.send("Fetch.enable", {"patterns": [pattern | {"urlPattern": one} for one in _patterns(url)]})


def chosen(settings: DriverSettings) -> PinnedPage | None:
    """What WA_WEB_VERSION names; None = the page that the site sends. Raises `StartError` if it is not there."""
    named = settings.web_version
    if named is None:
        return None
    is_file = "/" in named or named.endswith(".html")
    path = Path(named).expanduser() if is_file else _saved(settings.data_dir, check_version(named))
    try:
        return PinnedPage(path.stem, _released(path), path.read_bytes())
    except OSError as error:
        if is_file:
            raise StartError(f"WA_WEB_VERSION: {path} cannot be read ({error.strerror}).") from error
        saved = ", ".join(page.version for page in saved_pages(settings)) or "none"
        raise StartError(
            f"WA_WEB_VERSION names {named}, which is not saved (saved: {saved}). Save it with: wa web page {named}"
        ) from error


def saved_pages(settings: DriverSettings) -> list[PageVersion]:
    """The pages in the folder `web/pages` of the data directory, newest first."""
    found = [
        PageVersion(path.stem, _released(path), path.stem == settings.web_version)
        for path in _saved(settings.data_dir, "").parent.glob("*.html")
    ]
    return sorted(found, key=lambda page: page.released, reverse=True)


def offered_pages(package: Path) -> list[PageVersion]:
    """The pages of an npm tarball, newest first. Raises `StartError`."""
    with NpmArchive.open(package, PACKAGE) as archive:
        listed = json.loads(archive.read("versions.json"))["versions"]
    pages = [PageVersion(entry["version"], datetime.fromisoformat(entry["released"])) for entry in listed]
    return sorted(pages, key=lambda page: page.released, reverse=True)


def save_page(settings: DriverSettings, package: Path, version: str) -> PageVersion:
    """Keep one page of an npm tarball. Raises `StartError` for a version that it does not contain, `OSError`."""
    offered = {page.version: page for page in offered_pages(package)}
    page = offered.get(version) or offered.get(f"{version}-alpha")
    if page is None:
        newest = ", ".join(list(offered)[:3])
        raise StartError(
            f"{PACKAGE} has no page {version}; the newest are {newest}. `wa web page` without a version lists more."
        )
    with NpmArchive.open(package, PACKAGE) as archive:
        html = archive.read(f"html/{page.version}.html")
    path = _saved(settings.data_dir, check_version(page.version))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")  # a bridge may start at any moment, and the disk may be full
    new.write_bytes(html)
    new.chmod(0o600)
    os.utime(new, (page.released.timestamp(),) * 2)
    new.replace(path)
    return page


def _saved(data_dir: Path, version: str) -> Path:
    return data_dir / "web" / "pages" / f"{version}.html"


def _released(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _patterns(url: str) -> list[str]:
    """The document's address alone and with any query; `*` and `?` are wild in a pattern."""
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}{parts.path or '/'}".replace("*", "\\*")
    return [address, f"{address}\\?*"]
