"""Commands with files: from a URL, inline bytes or the store to the phone, with what goes wrong on the way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.commands import SendCommand, checked
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Result
from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.core.file_preparation import GIVE_UP
from bridge.drivers.scripted import SendMode, SentMessage
from bridge.ops.voice_conversion import FfmpegVoice
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness, session_harness
from tests.core.test_crash import STEPS, Kill
from tests.file_host import FileHost, endless, file_host, plain
from tests.parts import require_binary
from tests.sample_files import JPEG, MP3, MP4, OGG, PNG


@pytest.fixture
async def host() -> AsyncIterator[FileHost]:
    async with file_host() as host:
        yield host


def file_command(kind: str, to: str = ANA, **fields: Any) -> SendCommand:
    envelope: dict[str, Any] = {name: fields.pop(name) for name in ("id", "ttl") if name in fields}
    return checked(SendCommand, envelope | {"to": to, kind: fields})


def inline(content: bytes) -> str:
    return base64.encodebytes(content).decode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sent_file(harness: SessionHarness) -> tuple[SentMessage, MediaContent]:
    message = harness.phone.sent[-1]
    assert isinstance(message.content, MediaContent)
    return message, message.content


async def stored(harness: SessionHarness, content: bytes) -> str:
    async def parts() -> AsyncIterator[bytes]:
        yield content

    return (await harness.media.add(parts(), 1 << 30)).sha256


async def failure(harness: SessionHarness, command_id: str) -> tuple[str | None, str]:
    async with asyncio.timeout(10):
        row = await harness.store.outbox.settled(command_id)
    assert row is not None
    assert row.state is SendState.FAILED
    return row.error_code, row.error_text or ""


async def test_inline_bytes_arrive_and_are_not_in_the_outbox(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(file_command("image", data=inline(PNG), caption="La fuga", id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    message, content = sent_file(harness)
    assert (message.sha256, content.mimetype, content.filename) == (sha256(PNG), "image/png", "image.png")
    assert content.value == {
        "sha256": sha256(PNG),
        "mimetype": "image/png",
        "filename": "image.png",
        "caption": "La fuga",
    }


async def test_a_url_is_fetched(harness: SessionHarness, host: FileHost) -> None:
    host.answers["/fotos/la%20fuga.jpg"] = plain(JPEG, "Content-Type: image/jpeg\r\n")
    await harness.start()
    await harness.submit(file_command("image", url=host.url("/fotos/la%20fuga.jpg"), id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    message, content = sent_file(harness)
    assert (message.sha256, content.mimetype, content.filename) == (sha256(JPEG), "image/jpeg", "la fuga.jpg")


@pytest.mark.parametrize("size", [1 << 10, 1 << 20, 64 << 20])
async def test_a_stored_file_is_sent_byte_for_byte(harness: SessionHarness, size: int) -> None:
    content, harness.file_limit = b"%PDF-1.7\n" + bytes(size - 9), 64 << 20
    await harness.start()
    await harness.submit(
        file_command("document", sha256=await stored(harness, content), filename="factura.pdf", id="a")
    )
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    message, described = sent_file(harness)
    assert (message.sha256, described.mimetype) == (sha256(content), "application/pdf")


@pytest.mark.parametrize("kind", ["image", "video", "audio", "voice", "sticker", "document"])
async def test_every_kind_of_file_is_sent(harness: SessionHarness, kind: str) -> None:
    samples = {"image": JPEG, "video": MP4, "audio": OGG, "voice": OGG, "sticker": PNG, "document": MP3}
    await harness.start()
    await harness.submit(file_command(kind, data=inline(samples[kind]), id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    assert sent_file(harness)[0].sha256 == sha256(samples[kind])


async def test_the_same_bytes_in_another_form_are_the_same_command(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(file_command("image", data=inline(PNG), id="a"))
    await harness.reported("a", 3)
    again = await harness.submit(file_command("image", sha256=sha256(PNG), id="a"))
    assert again.status == "sent"
    other = await harness.submit(file_command("image", data=inline(JPEG), id="a"))
    assert other.error is not None
    assert other.error.code == "conflict"
    assert len(harness.phone.sent) == 1


async def test_the_same_url_again_is_the_same_command(harness: SessionHarness, host: FileHost) -> None:
    host.files["/a.png"] = PNG
    await harness.start()
    await harness.submit(file_command("image", url=host.url("/a.png"), id="a"))
    await harness.reported("a", 3)
    host.files["/a.png"] = JPEG
    assert (await harness.submit(file_command("image", url=host.url("/a.png"), id="a"))).status == "sent"
    assert host.asked == ["/a.png"]


async def test_a_dead_url_is_tried_again_and_holds_no_other_chat_up(harness: SessionHarness, host: FileHost) -> None:
    await harness.start()
    await harness.submit(file_command("image", url=host.url("/a.png"), id="a"))
    await harness.submit(command("after it", id="b"))
    await harness.submit(command("elsewhere", BETO, id="c"))
    assert await harness.reported("c", 3) == ["accepted", "sent", "server"]
    await harness.until(lambda: len(host.asked) == 1)
    assert [text for text, _ in harness.sent()] == ["elsewhere"]
    host.files["/a.png"] = PNG

    def tried_again() -> bool:
        harness.advance(1)
        return len(host.asked) > 1

    await harness.until(tried_again)
    assert await harness.reported("a", 4) == ["accepted", "accepted", "sent", "server"]
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]
    assert [text for text, _ in harness.sent()] == ["elsewhere", "📷 a.png", "after it"]


NO_SUCH_HOST = "http://does-not-exist.invalid/factura.pdf"


async def test_a_command_whose_file_cannot_be_fetched_says_why(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(file_command("document", url=NO_SUCH_HOST, id="a"), client="ana")
    assert await harness.reported("a", 2) == ["accepted", "accepted"]
    said = Result.model_validate([one for one in await harness.notices() if one["id"] == "a"][-1])
    assert said.waits is not None
    assert (said.waits.reason, said.waits.detail_code) == ("file", "file_host_unknown")
    assert said.waits.until == instant(harness.clock.now() + 2)
    assert said.waits.sentence(instant(harness.clock.now())) == (
        "waits for its file: the URL of the file cannot be fetched: host unknown; next try in about 2 s"
    )
    row = await harness.store.outbox.get("a")
    assert row is not None
    assert harness.outbound.waiting([row])[row.number] == said.waits


async def test_a_reason_that_is_met_during_an_outage_is_said_after_it(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    await harness.submit(file_command("document", url=NO_SUCH_HOST, id="a"))
    await harness.until(lambda: harness.outbound._schedule.next_try() is not None)
    assert await harness.reported_now("a") == ["accepted"]
    harness.phone.link(up=True)
    await harness.reach(SessionState.CONNECTED)
    harness.advance(2)
    await harness.reported("a", 2)
    assert (await harness.notices())[-1]["waits"]["detail_code"] == "file_host_unknown"


@pytest.mark.parametrize("url", [NO_SUCH_HOST, "http://localhost:1/factura.pdf"])
async def test_a_url_that_stays_dead_fails_and_the_chat_goes_on(harness: SessionHarness, url: str) -> None:
    await harness.start()
    began = harness.clock.now()
    await harness.submit(file_command("document", url=url, id="a"))
    await harness.submit(command("after it", id="b"))

    def failed() -> bool:
        harness.advance(1)
        return len(harness.phone.sent) > 0

    await harness.until(failed)
    assert harness.clock.now() - began >= GIVE_UP
    assert await harness.reported("a", 3) == ["accepted", "accepted", "failed:media_unavailable"]
    assert "upload the file first" in (await failure(harness, "a"))[1]
    assert await harness.reported("b", 3) == ["accepted", "sent", "server"]


async def test_a_file_outlasts_an_outage_of_the_whole_connection(harness: SessionHarness, host: FileHost) -> None:
    """Where WhatsApp cannot be reached either, the URL need not be the cause."""
    await harness.start()
    harness.phone.link(up=False)
    await harness.reach(SessionState.RECONNECTING)
    began = harness.clock.now()
    await harness.submit(file_command("image", url=host.url("/a.png"), id="a"))

    def tried_for_longer() -> bool:
        if harness.outbound._schedule.next_try() is not None:
            harness.advance(1)
        return harness.clock.now() > began + 2 * GIVE_UP

    await harness.until(tried_for_longer)
    assert len(host.asked) > 5
    host.files["/a.png"] = PNG
    harness.phone.link(up=True)

    def sent() -> bool:
        harness.advance(1)
        return bool(harness.phone.sent)

    await harness.until(sent)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]


async def test_slow_urls_hold_no_other_chat_up(harness: SessionHarness, host: FileHost) -> None:
    host.answers["/slow"] = endless(0.05)
    await harness.start()
    for number in range(40):
        await harness.submit(file_command("document", f"54911556{number:05}", url=host.url("/slow")))
    await harness.submit(command("elsewhere", BETO, id="c"))
    assert await harness.reported("c", 3) == ["accepted", "sent", "server"]
    assert len(host.asked) <= 16


async def test_a_dead_url_ends_as_media_unavailable(harness: SessionHarness, host: FileHost) -> None:
    await harness.start()
    await harness.submit(file_command("image", url=host.url("/a.png"), ttl=60, id="a"))
    await harness.until(lambda: len(host.asked) == 1)
    await harness.until(lambda: harness.outbound._schedule.next_try() is not None)
    harness.advance(61)
    code, text = await failure(harness, "a")
    assert (code, "status 404" in text) == ("media_unavailable", True)
    assert not harness.phone.sent


@pytest.mark.parametrize(
    ("kind", "content", "code", "words"),
    [
        ("image", b"hello", "media_unsupported", "application/octet-stream"),
        ("image", MP4, "media_unsupported", "video/mp4"),
        ("voice", PNG, "media_unsupported", "image/png"),
        ("document", b"", "invalid", "empty"),
        ("document", b"x" * 2000, "too_large", "WA_MEDIA_LIMIT"),
    ],
)
async def test_what_cannot_be_sent_says_why(
    harness: SessionHarness, host: FileHost, kind: str, content: bytes, code: str, words: str
) -> None:
    host.files["/x"], harness.file_limit = content, 1999
    await harness.start()
    await harness.submit(file_command(kind, url=host.url("/x"), id="url"))
    await harness.submit(file_command(kind, BETO, sha256=await stored(harness, content), id="stored"))
    for command_id in ("url", "stored"):
        found, text = await failure(harness, command_id)
        assert (found, words in text) == (code, True), text
    assert not harness.phone.sent


async def test_an_endless_body_ends_at_the_limit(harness: SessionHarness, host: FileHost) -> None:
    host.answers["/x"] = endless()
    await harness.start()
    await harness.submit(file_command("document", url=host.url("/x"), id="a"))
    assert (await failure(harness, "a"))[0] == "too_large"


async def test_a_forbidden_or_unknown_source_ends_at_once(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(file_command("image", url="http://10.0.0.1/a.png", id="a"))
    await harness.submit(file_command("image", BETO, sha256="0" * 64, id="b"))
    assert [(await failure(harness, one))[0] for one in "ab"] == ["media_unavailable"] * 2


async def test_another_format_becomes_a_voice_message(harness: SessionHarness) -> None:
    require_binary("ffmpeg", "ffmpeg")
    await harness.start()
    await harness.submit(file_command("voice", data=inline(MP3), id="a"))
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
    message, content = sent_file(harness)
    assert content.mimetype == "audio/ogg; codecs=opus"
    converted = b"".join([part async for part in harness.media.read(message.sha256 or "")])
    assert converted.startswith(b"OggS")
    assert b"OpusHead" in converted[:64]


async def test_without_ffmpeg_it_says_what_to_install(harness: SessionHarness) -> None:
    harness.voice = FfmpegVoice("ffmpeg-that-is-not-installed")
    await harness.start()
    await harness.submit(file_command("voice", data=inline(MP3), id="a"))
    code, text = await failure(harness, "a")
    assert (code, "apt install ffmpeg" in text) == ("unsupported", True)


async def test_a_playlist_reads_no_other_file(harness: SessionHarness, tmp_path: Path) -> None:
    require_binary("ffmpeg", "ffmpeg")
    (tmp_path / "secret.mp3").write_bytes(MP3)
    playlist = f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/secret.mp3\n#EXT-X-ENDLIST\n".encode()
    await harness.start()
    await harness.submit(file_command("voice", data=inline(playlist), mimetype="audio/mpegurl", id="a"))
    assert (await failure(harness, "a"))[0] == "media_unsupported"


@pytest.mark.parametrize("mode", [SendMode.NORMAL, SendMode.ANSWER_LOST, SendMode.CALL_LOST])
async def test_a_kill_between_any_two_steps_neither_repeats_nor_loses_a_file(
    tmp_path: Path, clock: FakeClock, mode: SendMode
) -> None:
    steps = (*STEPS, "keep", "prepare", "replace_content")
    wanted = file_command("image", data=inline(PNG), id="a")
    at, reached = 0, True
    while reached:
        at += 1
        async with session_harness(tmp_path / str(at), clock) as harness:
            harness.phone.send_mode = mode
            kill = Kill(at, steps)
            await harness.start(around_driver=kill.around, around_outbox=kill.around, around_files=kill.around)
            asking = asyncio.create_task(harness.submit(wanted))
            finished = asyncio.create_task(harness.concluded("a"))
            waiting = asyncio.create_task(kill.reached.wait())
            await asyncio.wait([finished, waiting], return_when=asyncio.FIRST_COMPLETED)
            for task in (asking, finished, waiting):
                task.cancel()
            await asyncio.wait([asking, finished, waiting])
            await harness.end()
            reached = kill.reached.is_set()
            harness.phone.send_mode = SendMode.NORMAL
            await harness.start()
            await harness.submit(wanted)
            await harness.submit(command("Otra", id="b"))
            assert (await harness.reported("b", 3))[-3:] == ["accepted", "sent", "server"]
            row = await harness.store.outbox.get("a")
            assert row is not None
            if kill.passed.count("before send") == 2 and row.state is SendState.UNKNOWN:
                continue  # two calls were lost: there is no third
            assert row.state is SendState.SENT, f"killed at step {at}: {kill.passed}"
            assert [(one.sha256, one.times) for one in harness.phone.sent] == [(sha256(PNG), 1), (None, 1)]
    assert at > 14


async def test_the_file_of_a_scheduled_command_is_fetched_when_its_time_comes(
    harness: SessionHarness, host: FileHost
) -> None:
    await harness.start()
    wanted = file_command("image", url=host.url("/a.png"), id="a")
    await harness.submit(wanted.model_copy(update={"send_at": instant(harness.clock.now() + 3600)}))
    await harness.submit(command("elsewhere", BETO, id="b"))
    await harness.reported("b", 3)
    assert host.asked == []
    host.files["/a.png"] = PNG
    harness.advance(3600)
    assert await harness.reported("a", 3) == ["accepted", "sent", "server"]
