"""Voice messages become text: from the phone to the answer, with the bridge's own files and a server that fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bridge.contract.errors import CodedError
from bridge.contract.kinds.media import Media
from bridge.ports import MediaGone
from bridge.settings import load as load_bridge
from responder.timing import ModelTiming, Timing, VoiceTiming
from tests.client.conftest import ANA, BETO
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import mqtt_probe
from tests.responder.conftest import ResponderHarness
from tests.responder.openai_server import OpenAiServer
from tests.responder.test_crashes import halted, process, rows, until_sent
from tests.responder.test_flow import GREETING
from tests.responder.test_webhook import FacadeBridge

OGG = (Path(__file__).parents[1] / "samples/tone.ogg").read_bytes()
LINES = "SELECT rol, mensaje FROM ll_ia_conversaciones ORDER BY id"
TIMING = Timing(model=ModelTiming(retry=0.01, breaker=0.1), voice=VoiceTiming(0.1, longest_retry=0.1, hold=5))


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(broker: MosquittoServer, tmp_path: Path) -> AsyncIterator[FacadeBridge]:
    """A bridge that serves the files of messages."""
    settings = load_bridge(addresses=broker.url("bridge"), data_dir=tmp_path / "bridge", pace="off", instance="test")
    bridge = FacadeBridge(settings)
    try:
        await bridge.start_with_facade()
        yield bridge
    finally:
        await bridge.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def voice(
    bridge: FacadeBridge, broker: MosquittoServer, database_settings: dict[str, Any], server: OpenAiServer
) -> AsyncIterator[ResponderHarness]:
    options = {"openai_api_key": "clave-de-prueba", "openai_base_url": server.url, "transcribe": "oye-1"}
    harness = ResponderHarness(bridge, broker, database_settings, options)
    try:
        yield harness
    finally:
        await harness.stop()


on_sqlite = pytest.mark.parametrize("database_settings", ["sqlite"], indirect=True)


def say(harness: ResponderHarness, chat: str, content: bytes | CodedError = OGG, **fields: Any) -> None:
    """A contact records a voice message."""
    media = Media(mimetype="audio/ogg; codecs=opus", seconds=3, size=len(OGG), **fields)
    phone = harness.bridge.phone
    message = phone.incoming(chat, "", type="ptt", media=media)
    phone.files[message.key.id] = content


async def test_what_was_said_is_recorded_and_answered_like_text(voice: ResponderHarness, server: OpenAiServer) -> None:
    await voice.start()
    async with mqtt_probe(voice.broker.url("reader")) as probe:
        say(voice, ANA)
        assert await voice.answers(1) == [GREETING]
        spoken = await probe.wait("wa/haby/transcript")
    [message] = voice.bridge.phone.history[:1]
    assert (spoken["message_id"], spoken["text"], spoken["language"]) == (message.id, "hola", None)
    assert await voice.rows(LINES) == [("user", "hola"), ("assistant", GREETING)]
    [heard] = server.heard
    assert (heard["model"], heard["file"]) == (b"oye-1", ("voice.ogg", "audio/ogg", OGG))
    server.said = "¿Abren mañana?"
    say(voice, ANA)
    assert (await voice.answers(2))[1] == "Sobre «¿Abren mañana?»: sí."
    assert [one["content"] for one in server.questions[0][1:]] == ["hola", GREETING, "¿Abren mañana?"]
    server.said = "Baja."
    say(voice, ANA)
    voice.bridge.phone.incoming(ANA, "¿Y el domingo?")
    assert (await voice.verdicts(4))[2:] == ["opt_out", "opted_out"]
    assert voice.responder is not None
    [line] = [one for one in await voice.responder.surface().chats.lines(1) if one.text == "Baja."]
    assert line.kind == "voice"


@on_sqlite
async def test_what_is_said_and_written_together_gets_one_answer(voice: ResponderHarness, server: OpenAiServer) -> None:
    await voice.start()
    speaking = asyncio.Event()
    server.spoken = [speaking]
    server.said = "¿Cuánto sale"
    say(voice, ANA)
    await voice.until(lambda: len(server.heard) == 1)
    voice.bridge.phone.incoming(ANA, "el envío a Rosario?")
    voice.bridge.phone.incoming(BETO, "hola")
    await voice.answers(1)  # another conversation does not wait
    assert server.asked == []
    speaking.set()
    assert (await voice.answers(2))[1] == "Sobre «¿Cuánto sale\nel envío a Rosario?»: sí."


@on_sqlite
@pytest.mark.parametrize(
    ("spoken", "requests", "verdict"),
    [
        ([503, {"retry-after": "0.2"}, "hola"], 3, "answered"),
        ([401], 1, "not_text"),
        ([b'{"object": "no transcript"}'] * 3 + ["hola"], 4, "answered"),
        ([""], 1, "empty"),
    ],
)
async def test_a_server_that_fails(
    voice: ResponderHarness, server: OpenAiServer, spoken: list[Any], requests: int, verdict: str
) -> None:
    responder = await voice.start(timing=TIMING)
    server.spoken = spoken
    began = time.monotonic()
    say(voice, ANA)
    assert await voice.verdicts(1) == [verdict]
    assert len(server.heard) == requests
    if requests == 3:
        assert time.monotonic() - began > 0.2
    [(_, recorded), *_] = await voice.rows(LINES)
    assert recorded == ("hola" if verdict == "answered" else "[voice]")
    assert responder.faults.counts["transcript_failed"] == int(verdict == "not_text" or requests == 4)
    async with http_client(responder.url) as http:
        outcome = {"answered": "done", "not_text": "failed", "empty": "empty"}[verdict]
        assert f'wa_transcripts_total{{outcome="{outcome}"}} 1.0' in (await http.get("/metrics")).text


@on_sqlite
async def test_a_server_that_never_recovers_is_asked_a_bounded_number_of_times(
    voice: ResponderHarness, server: OpenAiServer
) -> None:
    server.spoken = [503] * 500
    timing = Timing(model=ModelTiming(retry=0.01, breaker=60), voice=VoiceTiming(0.1, longest_retry=0.1, hold=0.2))
    responder = await voice.start(timing=timing)
    say(voice, ANA)
    voice.bridge.phone.incoming(ANA, "hola")  # waits for `hold`, not for the voice message
    assert await voice.answers(1) == [GREETING]
    await voice.until(lambda: responder.faults.counts["transcript_failed"] == 6)
    assert "no requests are made" in responder.faults.latest[-1].text
    assert len(server.heard) == 15  # five times, each tried three times, until it rests
    await voice.stop()
    await asyncio.sleep(max(0.0, voice.bridge.phone.history[0].timestamp + 1.1 - time.time()))
    responder = await voice.start(timing=timing, max_age=1)  # the rest is forgotten, but it waits no longer
    assert await voice.verdicts(2) == ["too_old", "answered"]
    assert responder.faults.counts["transcript_failed"] == 1
    assert len(server.heard) == 15


@on_sqlite
async def test_what_cannot_or_must_not_be_heard_stays_a_voice_message(
    voice: ResponderHarness, server: OpenAiServer
) -> None:
    responder = await voice.start(transcribe_seconds=60, blocked=BETO.partition("@")[0])
    phone = voice.bridge.phone
    say(voice, ANA, MediaGone("WhatsApp has it no longer.", final=True))
    assert await voice.verdicts(1) == ["not_text"]
    assert responder.faults.counts["transcript_failed"] == 1
    say(voice, ANA, view_once=True)
    phone.incoming(ANA, "", type="ptt", media=Media(mimetype="audio/ogg", seconds=61, size=9))
    say(voice, BETO)
    assert (await voice.verdicts(4))[1:] == ["not_text", "not_text", "blocked"]
    assert server.heard == []
    assert await voice.rows(LINES) == [("user", "[voice]")] * 4


async def test_killed_between_the_text_and_the_answer(
    bridge: FacadeBridge,
    broker: MosquittoServer,
    database_settings: dict[str, Any],
    server: OpenAiServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RESPONDER_TRANSCRIBE", "oye-1")
    monkeypatch.setenv("RESPONDER_TRANSCRIBE_URL", server.url)
    harness = ResponderHarness(bridge, broker, database_settings)
    for step, heard in (("after transcript", 1), ("before transcript", 2)):
        async with process(broker, database_settings, step) as (child, out):
            say(harness, ANA if heard == 1 else BETO)
            await halted(out, step)
            child.kill()
            await child.ended()
        assert len(server.heard) == heard
    async with process(broker, database_settings):
        await until_sent(bridge, 2)
        async with asyncio.timeout(20):
            while await rows(database_settings, "SELECT state FROM wa_turn") != [("sent",)] * 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert len(server.heard) == 3  # what was recorded is not paid again
    assert sorted((str(sent.key.remote), sent.text, sent.times) for sent in bridge.phone.sent) == [
        (ANA, GREETING, 1),
        (BETO, GREETING, 1),
    ]
