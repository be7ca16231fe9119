"""Files on their way into WhatsApp's page: whole, refused, and interrupted."""

from __future__ import annotations

import hashlib
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.errors import InternalError, InvalidRequest, MediaUnsupported, TooLarge
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import load_field
from bridge.contract.modifiers import Modifiers
from bridge.contract.session import SessionState
from bridge.ports import WhatsAppDriver
from bridge.sandbox.records import Transmission
from tests.drivers.worlds import ANA, GROUP, MEMBER, WebWorld, connected
from tests.sample_files import MP3, OGG, PNG


async def send(driver: WhatsAppDriver, file: Path, kind: str, mimetype: str, **fields: Any) -> MessageKey:
    value = {"sha256": "0" * 64, "mimetype": mimetype, "filename": file.name, **fields}
    key = await driver.reserve(await driver.resolve(Jid.parse(ANA)))
    assert await driver.send(key, load_field(kind, value), file=file) >= 0
    return key


def _is_sent(web: WebWorld, key: MessageKey) -> bool:
    return key.id in web.sandbox.world.state.sent


def sent(web: WebWorld, key: MessageKey) -> Transmission:
    return web.sandbox.world.state.sent[key.id]


def file_of(folder: Path, content: bytes, name: str = "file.bin") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def test_the_page_sends_the_bytes_that_it_was_given(web: WebWorld, tmp_path: Path) -> None:
    async with connected(web) as (driver, sink):
        for size in (1 << 10, 1 << 20, 64 << 20):
            content = random.Random(size).randbytes(size)
            path = file_of(tmp_path, content, f"{size}.zip")
            key = await send(driver, path, "document", "application/zip", caption=f"{size} bytes")
            path.unlink()  # the page has its own copy
            await sink.until(partial(_is_sent, web, key))
            found = sent(web, key)
            assert found.sha256 == hashlib.sha256(content).hexdigest()
            assert (found.filename, found.caption, found.deliveries) == (f"{size}.zip", f"{size} bytes", 1)


async def test_audio_keeps_its_bytes(web: WebWorld, tmp_path: Path) -> None:
    async with connected(web) as (driver, sink):
        for kind, content, mimetype in (("audio", MP3, "audio/mpeg"), ("voice", OGG, "audio/ogg; codecs=opus")):
            key = await send(driver, file_of(tmp_path, content), kind, mimetype)
            await sink.until(partial(_is_sent, web, key))
            assert (sent(web, key).sha256, sent(web, key).mimetype) == (hashlib.sha256(content).hexdigest(), mimetype)


@pytest.mark.parametrize(
    ("kind", "content", "mimetype", "error"),
    [
        ("image", b"\xff\xd8\xff no picture", "image/jpeg", MediaUnsupported),
        ("document", b"", "text/plain", InvalidRequest),
        ("image", b"\xff\xd8\xff" + bytes(17 << 20), "image/jpeg", TooLarge),
    ],
)
async def test_what_the_page_refuses_says_why_and_sends_nothing(
    web: WebWorld, tmp_path: Path, kind: str, content: bytes, mimetype: str, error: type[Exception]
) -> None:
    async with connected(web) as (driver, _):
        with pytest.raises(error):
            await send(driver, file_of(tmp_path, content), kind, mimetype)
        assert web.sent() == {}


async def test_a_file_goes_to_the_second_server_while_the_first_is_down(web: WebWorld, tmp_path: Path) -> None:
    web.set(file_server_down=True, file_retry_ms=10)
    content = random.Random(3).randbytes(1 << 20)
    async with connected(web) as (driver, sink):
        key = await send(driver, file_of(tmp_path, content), "document", "application/octet-stream")
        await sink.until(partial(_is_sent, web, key))
    assert (sent(web, key).sha256, sent(web, key).deliveries) == (hashlib.sha256(content).hexdigest(), 1)


async def test_a_failed_upload_is_no_doubt(web: WebWorld, tmp_path: Path) -> None:
    web.set(uploads_fail=True, file_retry_ms=10)
    async with connected(web) as (driver, _):
        with pytest.raises(InternalError, match="could not upload the file, so nothing was sent"):
            await send(driver, file_of(tmp_path, b"text"), "document", "text/plain")
        assert web.sent() == {}


async def test_a_message_whose_upload_was_cut_off_is_sent_again_under_its_id(web: WebWorld, tmp_path: Path) -> None:
    web.set(upload_ms=60_000)
    file = file_of(tmp_path, b"text")
    async with connected(web) as (driver, sink):
        key = await send(driver, file, "document", "text/plain", caption="La factura")
        found = await driver.look_up(key)
        assert (found.ack, found.stopped, found.not_uploaded) == (0, False, False)
        web.set(upload_ms=0)
        states = len(sink.situations)
        await driver.reload()
        await sink.until_state(SessionState.CONNECTED, since=states)
        found = await driver.look_up(key)
        assert (found.ack, found.stopped, found.not_uploaded) == (0, True, True)
        assert web.sent() == {}
        value = {"sha256": "0" * 64, "mimetype": "text/plain", "filename": file.name, "caption": "La factura"}
        assert await driver.send(key, load_field("document", value), file=file) >= 0
        await sink.until(partial(_is_sent, web, key))
        assert (sent(web, key).sha256, sent(web, key).deliveries) == (hashlib.sha256(b"text").hexdigest(), 1)
        found = await driver.look_up(key)
        assert (found.stopped, found.not_uploaded) == (False, False)
        states = len(sink.situations)
        await driver.reload()  # the database has the message once, as sent
        await sink.until_state(SessionState.CONNECTED, since=states)
        assert ((await driver.look_up(key)).ack or 0) >= 1
        assert sent(web, key).transmissions == 1


async def test_a_caption_shows_whom_it_mentions(web: WebWorld, tmp_path: Path) -> None:
    contact = next(one for one in web.sandbox.world.state.contacts if one.lid == MEMBER)
    assert contact.pn is not None
    value = {"sha256": "0" * 64, "mimetype": "image/png", "filename": "a.png"}
    async with connected(web) as (driver, sink):
        key = await driver.reserve(await driver.resolve(Jid.parse(GROUP)))
        content = load_field("image", {**value, "caption": f"@{contact.pn.split('@')[0]} mirá"})
        await driver.send(key, content, Modifiers(mentions=[contact.pn]), file_of(tmp_path, PNG))
        await sink.until(partial(_is_sent, web, key))
    message = web.sandbox.world.message(key.id)
    assert message is not None
    assert message.fields["caption"] == f"@{MEMBER.split('@')[0]} mirá"
    assert message.fields["mentionedJidList"] == [MEMBER]
