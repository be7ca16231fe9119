"""Files that the real wa-js sends through the double: read, prepared, uploaded and transmitted as by WhatsApp Web."""

from __future__ import annotations

import base64
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error

from bridge.sandbox import Sandbox
from bridge.sandbox.records import Transmission
from tests.sample_files import JPEG, OGG, PNG
from tests.sandbox.conftest import Tab

ANA = "5491155500001@c.us"
_SEND = """
async ([input, chat, mimetype, filename, options]) => {
  const [file] = input.files;
  const sent = await WPP.chat.sendFileMessage(
    chat, new File([file], filename, { type: mimetype }), { createChat: true, markIsRead: false, ...options });
  return [sent.ack, sent.sendMsgResult.messageSendResult];
}
"""


async def send(tab: Tab, path: Path, mimetype: str, **options: Any) -> tuple[int, str]:
    handle = await tab.page.evaluate_handle("() => Object.assign(document.createElement('input'), { type: 'file' })")
    element = handle.as_element()
    assert element is not None
    await element.set_input_files(path)
    ack, result = await tab.page.evaluate(_SEND, [element, ANA, mimetype, options.pop("filename", path.name), options])
    return ack, result


def file_of(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def last(sandbox: Sandbox) -> Transmission:
    return list(sandbox.world.state.sent.values())[-1]


@pytest.mark.parametrize("size", [1 << 10, 1 << 20, 64 << 20])
async def test_a_document_arrives_byte_for_byte(sandbox: Sandbox, paired: Tab, tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    path = file_of(tmp_path, content)
    assert await send(paired, path, "application/zip", type="document", filename="a.zip") == (1, "OK")
    sent = last(sandbox)
    assert (sent.sha256, sent.mimetype, sent.filename) == (
        hashlib.sha256(content).hexdigest(),
        "application/zip",
        "a.zip",
    )
    message = sandbox.world.message(sent.id)
    assert message is not None
    assert message.fields["filehash"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert message.type == "document"


async def test_a_picture_is_drawn_again(sandbox: Sandbox, paired: Tab, tmp_path: Path) -> None:
    assert await send(paired, file_of(tmp_path, PNG), "image/png", type="image", caption="Hola") == (1, "OK")
    sent = last(sandbox)
    assert (sent.mimetype, sent.caption) == ("image/jpeg", "Hola")
    assert sent.sha256
    drawn = sandbox.media.file(sent.sha256)
    assert drawn is not None
    assert drawn.read_bytes()[:3] == JPEG[:3]
    assert sent.sha256 != hashlib.sha256(PNG).hexdigest()


async def test_a_voice_note_has_a_waveform(sandbox: Sandbox, paired: Tab, tmp_path: Path) -> None:
    assert await send(paired, file_of(tmp_path, OGG), "audio/ogg; codecs=opus", type="audio", isPtt=True) == (1, "OK")
    message = sandbox.world.message(last(sandbox).id)
    assert message is not None
    assert message.type == "ptt"
    assert len(message.fields["waveform"]) == 64
    assert last(sandbox).sha256 == hashlib.sha256(OGG).hexdigest()


@pytest.mark.parametrize(
    ("content", "mimetype", "kind", "code"),
    [(b"no picture", "image/jpeg", "image", "MediaFileFailedLoad"), (b"", "text/plain", "document", "MediaFileEmpty")],
)
async def test_the_page_refuses_what_it_cannot_read(
    sandbox: Sandbox, paired: Tab, tmp_path: Path, content: bytes, mimetype: str, kind: str, code: str
) -> None:
    with pytest.raises(Error, match=code):
        await send(paired, file_of(tmp_path, content), mimetype, type=kind)
    assert not sandbox.world.state.sent


async def test_a_failed_upload_sends_nothing(sandbox: Sandbox, paired: Tab, tmp_path: Path) -> None:
    """After four attempts at two servers, which take seven seconds."""
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"uploads_fail": True}))
    assert await send(paired, file_of(tmp_path, b"text"), "text/plain", type="document") == (-1, "ERROR_UPLOAD")
    assert not sandbox.world.state.sent


async def test_a_text_does_not_overtake_a_file(sandbox: Sandbox, paired: Tab, tmp_path: Path) -> None:
    path = file_of(tmp_path, random.Random(1).randbytes(16 << 20))
    handle = await paired.page.evaluate_handle("() => Object.assign(document.createElement('input'), { type: 'file' })")
    element = handle.as_element()
    assert element is not None
    await element.set_input_files(path)
    await paired.page.evaluate(
        """
        async ([input, chat]) => {
          const options = { createChat: true, markIsRead: false };
          const added = new Promise((done) => WPP.on('chat.new_message', done));
          const file = WPP.chat.sendFileMessage(chat, input.files[0], { ...options, type: 'document' });
          await added;
          await Promise.all([file, WPP.chat.sendTextMessage(chat, 'after it', { ...options, linkPreview: false })]);
        }
        """,
        [element, ANA],
    )
    assert [bool(sent.sha256) for sent in sandbox.world.state.sent.values()] == [True, False]
