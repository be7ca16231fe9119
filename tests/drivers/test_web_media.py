"""Files of messages through the real browser and the real wa-js: decrypted, checked, saved as files of this machine."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError
from starlette.responses import Response

from bridge.contract.errors import InternalError, TooLarge
from bridge.contract.jid import MessageKey
from bridge.contract.session import SessionState
from bridge.drivers.web.profile import DOWNLOADS
from bridge.ports import CallInDoubt, DriverUnavailable, MediaGone, WhatsAppDriver
from bridge.sandbox.database import DeviceDatabase
from bridge.sandbox.media import FALLBACK
from bridge.sandbox.received_media import AGAIN, FIRST
from bridge.sandbox.records import DownloadMode, SandboxSettings
from tests.drivers.worlds import ANA, LIMITS, WebWorld, connected, page_of
from tests.loopback import http_client

LIMIT, SECONDS = 100 << 20, 60.0


def sample(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def arrived(web: WebWorld, content: bytes, **query: Any) -> MessageKey:
    """A contact sends a file through the control API."""
    async with http_client(web.sandbox.api_url, timeout=60) as client:
        answer = await client.post(
            "/incoming/file",
            params={"chat": ANA, "type": "document", "filename": "a.bin", **query},
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 200, answer.text
        return MessageKey.parse(answer.json()["serialized"])


def in_folder(web: WebWorld) -> list[Path]:
    return list((web.profile / DOWNLOADS).iterdir())


async def taken(driver: WhatsAppDriver, key: MessageKey, limit: int = LIMIT, seconds: float = SECONDS) -> bytes:
    async with driver.download(key, limit, seconds) as path:
        return path.read_bytes()


@pytest.mark.parametrize("kind", ["image", "sticker", "ptt", "video", "audio", "document"])
async def test_a_file_of_each_kind_is_what_was_sent(web: WebWorld, tmp_path: Path, kind: str) -> None:
    async with connected(web) as (driver, _):
        content = sample(1 << 10)
        assert await taken(driver, await arrived(web, content, type=kind)) == content
    assert in_folder(web) == []


@pytest.mark.parametrize("size", [1, 1 << 20, 64 << 20])
async def test_a_file_of_any_size_is_what_was_sent(web: WebWorld, size: int) -> None:
    async with connected(web) as (driver, _):
        content = sample(size)
        key = await arrived(web, content)
        begun = time.monotonic()
        async with driver.download(key, LIMIT, SECONDS) as path:
            print(f"{size:,} bytes in {time.monotonic() - begun:.2f} s")
            assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(content).digest()
        assert not path.exists()


async def test_many_files_at_once(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        contents = {await arrived(web, sample(size), type="image"): sample(size) for size in range(100, 120)}
        found = await asyncio.gather(*(taken(driver, key) for key in contents))
    assert found == list(contents.values())


async def test_a_file_of_a_message_that_only_the_database_has(web: WebWorld) -> None:
    content = sample(500)
    key = await arrived(web, content)
    for number in range(10):
        web.incoming(ANA, str(number))
    async with connected(web) as (driver, _):
        assert await taken(driver, key) == content
        found = await driver.find_message(key)
        assert found is not None
        assert found.content.media is not None
        assert (found.content.media.size, found.content.media.filename) == (500, "a.bin")
        assert await driver.find_message(replace(key, id="3EB0NONE")) is None


async def test_a_message_that_cannot_be_read_now_is_not_missing(web: WebWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await arrived(web, sample(500))
    for number in range(10):
        web.incoming(ANA, str(number))
    async with connected(web) as (driver, _):
        with monkeypatch.context() as broken:
            broken.setattr(DeviceDatabase, "around", unreadable)
            with pytest.raises(InternalError, match="the disk cannot be read"):
                await driver.find_message(key)
        page = page_of(driver)
        await page.evaluate("() => { WPP.whatsapp.Socket.stream = 'DISCONNECTED'; }")
        with pytest.raises(DriverUnavailable):  # of a page whose stores may be empty still
            await driver.find_message(key)


def unreadable(*_: object) -> None:
    raise ValueError("the disk cannot be read")


async def test_a_file_that_the_browser_does_not_save_is_a_failure_and_not_an_outage(web: WebWorld) -> None:
    """An outage is waited for without an end; failures are counted."""
    async with connected(web) as (driver, _):
        page = page_of(driver)
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Browser.setDownloadBehavior", {"behavior": "deny", "eventsEnabled": True})
        with pytest.raises(InternalError, match="did not save the file"):
            await taken(driver, await arrived(web, sample(100)))


async def test_a_file_above_the_limit_is_not_saved(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        with pytest.raises(TooLarge):
            await taken(driver, await arrived(web, sample(1001)), limit=1000)


async def test_a_file_comes_from_the_second_server_while_the_first_is_down(
    web: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.set(file_server_down=True, file_retry_ms=10)
    asked, answer = [], web.sandbox.received.answer

    async def answered(path: str, settings: SandboxSettings) -> Response:
        asked.append(path.removesuffix(path.rpartition("/")[2]))
        return await answer(path, settings)

    monkeypatch.setattr(web.sandbox.received, "answer", answered)
    async with connected(web) as (driver, _):
        contents = {await arrived(web, sample(size)): sample(size) for size in (3000, 4000)}
        key, other = contents
        assert await taken(driver, key) == contents[key]
        assert asked == [FIRST, FIRST, f"{FALLBACK}{FIRST}"]
        web.sandbox.world.state.settings.downloads = DownloadMode.EXPIRED
        assert await taken(driver, other) == contents[other]  # the phone's own upload is on both servers, too
        assert asked[-3:] == [AGAIN, AGAIN, f"{FALLBACK}{AGAIN}"]


@pytest.mark.parametrize("mode", [DownloadMode.CORRUPT, DownloadMode.UNAVAILABLE])
async def test_a_download_that_fails_can_be_repeated(web: WebWorld, mode: DownloadMode) -> None:
    web.set(file_retry_ms=10)
    async with connected(web) as (driver, _):
        content = sample(2000)
        key = await arrived(web, content)
        web.sandbox.world.state.settings.downloads = mode
        with pytest.raises(InternalError):
            await taken(driver, key)
        web.sandbox.world.state.settings.downloads = DownloadMode.NORMAL
        assert await taken(driver, key) == content


async def test_an_expired_file_is_asked_of_the_phone(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        settings = web.sandbox.world.state.settings
        settings.downloads, settings.phone_on = DownloadMode.EXPIRED, False
        content = sample(3000)
        key = await arrived(web, content)
        with pytest.raises(MediaGone) as waiting:
            await taken(driver, key, seconds=1)
        assert not waiting.value.final
        settings.phone_on = True
        assert await taken(driver, key) == content


async def test_a_file_that_is_nowhere(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        key = await arrived(web, sample(10))
        web.sandbox.world.state.settings.downloads = DownloadMode.GONE
        with pytest.raises(MediaGone) as gone:
            await taken(driver, key)
        assert gone.value.final


async def test_a_slow_download_ends_in_time_and_goes_on(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        settings = web.sandbox.world.state.settings
        settings.downloads, settings.download_ms = DownloadMode.SLOW, 3000
        content = sample(300_000)
        key = await arrived(web, content)
        with pytest.raises(InternalError):
            await taken(driver, key, seconds=0.5)
        assert await taken(driver, key) == content


#: Chromium drops what a page saves too fast; nothing reports it.
DROP = "() => { HTMLAnchorElement.prototype.click = function () { delete HTMLAnchorElement.prototype.click; }; }"


async def test_a_file_that_the_browser_does_not_save_can_be_repeated(web: WebWorld) -> None:
    async with connected(web, web.web_driver(limits=replace(LIMITS, saving=0.0))) as (driver, _):
        content = sample(100)
        key = await arrived(web, content)
        await page_of(driver).evaluate(DROP)
        with pytest.raises(CallInDoubt, match="did not save the file"):
            await taken(driver, key, seconds=1.0)
        assert await taken(driver, key) == content


@pytest.mark.parametrize("how", ["crash", "restart", "reload"])
async def test_a_wait_for_the_browser_ends_with_the_page(web: WebWorld, how: str) -> None:
    driver = web.web_driver(limits=replace(LIMITS, link_down=3.0))
    async with connected(web, driver) as (_, sink):
        page = page_of(driver)
        await page.evaluate(DROP)
        taking = asyncio.create_task(taken(driver, await arrived(web, sample(100))), name="download")
        await page.wait_for_function("() => !Object.hasOwn(HTMLAnchorElement.prototype, 'click')")
        seen = len(sink.situations)
        match how:
            case "crash":
                with suppress(PlaywrightError):
                    await page.goto("chrome://crash")
            case "restart":
                await driver.reload()
            case "reload":
                web.link(up=False)
        with pytest.raises(CallInDoubt, match="page"):
            await asyncio.wait_for(taking, 20.0)
        web.link(up=True)
        await sink.until_state(SessionState.CONNECTED, seen)


async def test_what_the_site_offers_is_not_saved(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        page = page_of(driver)
        await page.evaluate(
            "() => Object.assign(document.createElement('a'), {href: URL.createObjectURL(new Blob(['x'])),"
            " download: 'unasked.txt'}).click()"
        )
        content = sample(100)
        assert await taken(driver, await arrived(web, content)) == content  # after the other one was handled
        async with asyncio.timeout(20):
            while in_folder(web):  # noqa: ASYNC110 - no event reports it
                await asyncio.sleep(0.05)
