"""`wa media` and `wa listen --media`: files of messages on this machine, and gone with `wa forget`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.cli.saved_files import file_name
from bridge.client import connect
from bridge.contract.kinds.media import Media
from bridge.contract.messages import Stream
from tests.cli.conftest import Environment, StartCommand, Wa
from tests.http.conftest import HttpBridge
from tests.http.conftest import side as harness_with_http
from tests.mosquitto_server import MosquittoServer

__all__ = ["harness_with_http"]
ANA, JUAN = "5491155500001", "5491155500002"
PDF = b"%PDF-1.4\n" + bytes(5000)
SHA256 = hashlib.sha256(PDF).hexdigest()


@pytest.fixture
async def harness(harness_with_http: HttpBridge, environment: Environment, mosquitto: MosquittoServer) -> HttpBridge:
    """A bridge with HTTP on the broker and the data directory of the commands."""
    harness_with_http.given |= {"addresses": mosquitto.url("bridge")}
    await harness_with_http.start()
    environment["WA_HTTP_PORT"] = str(harness_with_http.port)
    return harness_with_http


def receive(harness: HttpBridge, number: str = ANA, content: bytes = PDF, name: str = "informe.pdf") -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    media = Media(mimetype="application/pdf", size=len(content), sha256=sha256, filename=name)
    message = harness.phone.incoming(f"{number}@c.us", "", type="document", media=media)
    harness.phone.files[message.key.id] = content
    return message.id


async def test_files_are_listed_and_saved(harness: HttpBridge, wa: Wa, tmp_path: Path) -> None:
    assert (await wa("media", "list")).out == "No message of haby has a file.\n"
    message_id = receive(harness)
    saved = await wa("media", "get", message_id, "-o", str(tmp_path / "a.pdf"))
    assert (saved.code, saved.out.strip(), saved.err) == (0, str(tmp_path / "a.pdf"), "")
    assert (tmp_path / "a.pdf").read_bytes() == PDF
    listed = await wa("media", "list", "--json")
    [line] = listed.out.splitlines()
    assert {name: json.loads(line)[name] for name in ("message_id", "state", "sha256")} == {
        "message_id": message_id,
        "state": "ready",
        "sha256": SHA256,
    }
    assert "informe.pdf" in (await wa("media", "list")).out
    missing = await wa("media", "get", "false_x")
    assert (missing.code != 0, "no file of such a message" in missing.err) == (True, True)


async def test_a_listener_saves_what_becomes_ready(harness: HttpBridge, start: StartCommand, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    process = await start("listen", "--all", "--json", "--media", str(folder))
    try:
        receive(harness, name="../../etc/passwd\n.pdf")
        target = folder / f"{SHA256[:12]}-passwd_.pdf"
        async with asyncio.timeout(20):
            while not target.exists() and process.returncode is None:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
        assert target.read_bytes() == PDF
    finally:
        process.kill()
        _, err = await process.communicate()
    assert err == b""


async def test_a_listener_with_a_cursor_saves_what_became_ready_while_it_was_down(
    harness: HttpBridge, mosquitto: MosquittoServer, start: StartCommand, tmp_path: Path
) -> None:
    folder, position = tmp_path / "files", tmp_path / "seen.json"

    async def listen_until(there: Callable[[], bool]) -> None:
        process = await start("listen", "--json", "--cursor", str(position), "--media", str(folder))
        try:
            async with asyncio.timeout(40):
                while not there() and process.returncode is None:  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.05)
        finally:
            process.kill()
            await process.communicate()

    receive(harness, content=b"%PDF-1.4 before the first run")
    async with asyncio.timeout(20), connect(mosquitto.url("admin"), name="test") as client:
        async for status in client.watch_status("haby"):
            if status.last_event_seq == 1:
                break
    await listen_until(position.with_name("seen.json.media").exists)
    for number, content in enumerate((b"%PDF-1.4 the first", b"%PDF-1.4 the second"), 1):
        receive(harness, content=content)
        await harness.journalled(1 + number, Stream.EVENT)
        target = folder / f"{hashlib.sha256(content).hexdigest()[:12]}-informe.pdf"
        await listen_until(target.exists)
        assert target.read_bytes() == content
        assert len([*folder.iterdir()]) == number


async def test_forget_deletes_the_files_that_no_other_has(harness: HttpBridge, wa: Wa) -> None:
    data_dir = harness.settings.data_dir
    own = b"%PDF-1.4 only Ana's"
    receive(harness)
    receive(harness, JUAN)
    receive(harness, content=own)
    await harness.journalled(3, Stream.EVENT)
    files = {path.name for path in (data_dir / "media").glob("??/*")}
    assert files == {SHA256, hashlib.sha256(own).hexdigest()}
    done = await wa("forget", ANA, "--yes", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["stores"]["haby"]["files"] == 2
    assert {path.name for path in (data_dir / "media").glob("??/*")} == {SHA256}


def test_a_name_from_a_stranger_stays_in_the_folder() -> None:
    assert file_name("a" * 64, "../../.ssh/authorized_keys", None) == f"{'a' * 12}-authorized_keys"
    assert file_name("a" * 64, "..", "image/png") == f"{'a' * 12}.png"
    assert file_name("a" * 64, "con:\x00fusing\u202e.exe", None) == f"{'a' * 12}-con_fusing_.exe"
