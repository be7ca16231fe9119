"""A page pinned to saved HTML: the document is the saved one, all that it loads comes from the site."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.contract.session import SessionState
from bridge.drivers.web.library import shipped
from bridge.drivers.web.pinned_page import PACKAGE, PinnedPage, save_page, saved_pages
from bridge.drivers.web.versions import ChosenVersions
from bridge.sandbox.records import Site
from bridge.settings import BridgeSettings
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, LIMITS, WebWorld, connected, page_of
from tests.full_disk import files_of
from tests.loopback import http_client
from tests.npm_registry import packed

#: Chromium holds a replaced document for one of the internet, and keeps it from this machine's web socket.
LOCAL = ("--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",)
MARK = "() => document.documentElement.dataset.mark ?? null"
LOADED = "() => performance.getEntriesByType('resource').map((entry) => [entry.name, entry.transferSize])"
CONTROLLED = "() => navigator.serviceWorker.controller !== null"


async def pinned(web: WebWorld) -> ChosenVersions:
    """The double's own document as it is now, with a mark."""
    async with http_client() as client:
        html = (await client.get(web.sandbox.url)).text
    saved = html.replace("<html ", '<html data-mark="saved" ', 1).encode()
    return ChosenVersions(shipped(), PinnedPage("2.3000.1000000001", datetime.now(UTC), saved))


def test_a_page_that_the_disk_does_not_take_is_none_that_is_saved(tmp_path: Path) -> None:
    settings = BridgeSettings(data_dir=tmp_path / "data")
    version = "2.3000.1000000001-alpha"
    listed = json.dumps({"versions": [{"version": version, "released": "2026-09-01T00:00:00Z"}]})
    package = tmp_path / "pages.tgz"
    package.write_bytes(packed(PACKAGE, "1.5.0", {"versions.json": listed, f"html/{version}.html": "<html>" * 100}))
    with files_of(100), pytest.raises(OSError, match="File too large"):
        save_page(settings, package, version)
    assert saved_pages(settings) == []
    save_page(settings, package, version)
    assert [(page.version, str(page.released.date())) for page in saved_pages(settings)] == [(version, "2026-09-01")]


async def test_the_saved_document_works_while_the_site_sends_another(web: WebWorld) -> None:
    versions = await pinned(web)
    web.set(site=Site.MAINTENANCE)
    driver = web.web_driver(versions=versions, browser_args=LOCAL)
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        assert await page_of(driver).evaluate(MARK) == "saved"
        loaded = await page_of(driver).evaluate(LOADED)
        scripts = [name for name, size in loaded if size > 0]
        assert f"{web.sandbox.url}assets/web/main.js" in scripts
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
        await driver.resume()
        web.incoming(ANA, "on the saved page")
        await sink.until(lambda: sink.messages)
        seen = len(sink.situations)
        web.sandbox.world.faults.reload()  # the page loads itself again
        await sink.until_state(SessionState.CONNECTED, seen)
        assert await page_of(driver).evaluate(MARK) == "saved"


async def test_a_newer_version_of_the_site_reloads_no_saved_document(web: WebWorld) -> None:
    driver = web.web_driver(versions=await pinned(web), browser_args=LOCAL)
    async with connected(web, driver) as (_, sink):
        seen = len(sink.situations)
        web.sandbox.world.faults.outdate()
        await asyncio.sleep(5 * LIMITS.report)
        assert await page_of(driver).evaluate("() => WPP.whatsapp.Stream.needsUpdate")
        assert sink.situations[seen:] == []


async def test_a_service_worker_of_the_site_does_not_replace_the_saved_document(web: WebWorld) -> None:
    web.set(service_worker=True)
    versions = await pinned(web)
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        await page_of(driver).wait_for_function(CONTROLLED)
        assert await page_of(driver).evaluate(MARK) is None
    driver = web.web_driver(versions=versions, browser_args=LOCAL)
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        assert await page_of(driver).evaluate(MARK) == "saved"
