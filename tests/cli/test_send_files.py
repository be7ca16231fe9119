"""`wa send` with files: small ones over MQTT alone, larger ones uploaded over HTTP."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from bridge.contract.kinds.media_content import MAX_INLINE, MediaContent
from bridge.http.listener import listen
from tests.cli.conftest import ScriptedBridge, Wa
from tests.sample_files import PNG

TO = "5491155500001"


def file_of(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def test_a_small_file_needs_no_http(harness: ScriptedBridge, wa: Wa, tmp_path: Path) -> None:
    await harness.start()
    photo = file_of(tmp_path, "foto.png", PNG)
    sent = await wa("send", TO, "--image", str(photo), "--caption", "La fuga", "--view-once", WA_HTTP_PORT="off")
    assert (sent.code, sent.out.splitlines()[-1], sent.err) == (0, "sent ✓", "")
    [message] = harness.phone.sent
    assert message.sha256 == hashlib.sha256(PNG).hexdigest()
    assert isinstance(message.content, MediaContent)
    assert message.content.value == {
        "sha256": message.sha256,
        "mimetype": "image/png",
        "filename": "foto.png",
        "caption": "La fuga",
        "view_once": True,
    }


async def test_a_larger_file_is_uploaded_first(harness: ScriptedBridge, wa: Wa, tmp_path: Path) -> None:
    harness.http = listen("127.0.0.1", 0)
    port = str(harness.http.getsockname()[1])
    await harness.start()
    content = random.Random(1).randbytes(3_000_000)
    path = file_of(tmp_path, "a b.zip", content)
    for _ in range(2):  # the second one is there already
        sent = await wa("send", TO, "--document", str(path), WA_HTTP_PORT=port)
        assert (sent.code, sent.err) == (0, "")
    assert {message.sha256 for message in harness.phone.sent} == {hashlib.sha256(content).hexdigest()}
    assert len(harness.phone.sent) == 2


async def test_without_http_a_larger_file_says_what_to_do(harness: ScriptedBridge, wa: Wa, tmp_path: Path) -> None:
    await harness.start()
    path = file_of(tmp_path, "a.zip", bytes(MAX_INLINE + 1))
    refused = await wa("send", TO, "--document", str(path), WA_HTTP_PORT="off")
    assert refused.code != 0
    assert "a.zip has 262,145 bytes" in refused.err
    assert "uploaded over HTTP" in refused.err
    assert "by a URL" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--document", "missing.pdf"), "missing.pdf cannot be read: No such file or directory."),
        (("--document", "a.txt", "--hd"), "--hd does not go with --document."),
        (("Hola", "--caption", "x"), "--caption goes with a file."),
        (("--image", "a.txt", "--document", "a.txt"), "one content option"),
    ],
)
async def test_wrong_options_are_explained(wa: Wa, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    file_of(tmp_path, "a.txt", b"text")
    refused = await wa("send", TO, *arguments)
    assert refused.code != 0
    assert words in " ".join(refused.err.split())
