"""Pictures for a model that takes them: from the phone to the question, with the bridge's own files."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from bridge.contract.errors import CodedError
from bridge.contract.kinds.media import Media
from bridge.ports import MediaGone
from bridge.settings import load as load_bridge
from responder.timing import PictureTiming, Timing
from tests.client.conftest import ANA, BETO
from tests.mosquitto_server import MosquittoServer
from tests.responder.conftest import ResponderHarness
from tests.responder.openai_server import OpenAiServer
from tests.responder.test_webhook import FacadeBridge
from tests.sample_files import JPEG

URL = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
TIMING = Timing(pictures=PictureTiming(wait=2.0, poll=0.02))


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        server.answer = lambda messages: f"Lo veo ({len(messages)})."
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def seeing(
    broker: MosquittoServer, tmp_path: Path, sqlite_settings: dict[str, Any], server: OpenAiServer
) -> AsyncIterator[ResponderHarness]:
    """A bridge that serves files, and a responder whose model is shown pictures."""
    settings = load_bridge(addresses=broker.url("bridge"), data_dir=tmp_path / "bridge", pace="off", instance="test")
    bridge = FacadeBridge(settings)
    options = {"openai_api_key": "clave-de-prueba", "openai_base_url": server.url, "images": True}
    harness = ResponderHarness(bridge, broker, sqlite_settings, options)
    try:
        await bridge.start_with_facade()
        yield harness
    finally:
        await harness.stop()
        await bridge.stop()


def show(harness: ResponderHarness, content: bytes | CodedError, caption: str = "", **fields: Any) -> None:
    """A contact sends a picture."""
    media = Media(mimetype="image/jpeg", size=len(JPEG), **fields)
    message = harness.bridge.phone.incoming(ANA, caption, type="image", media=media)
    harness.bridge.phone.files[message.key.id] = content


async def test_a_picture_is_shown_to_the_model_with_its_caption(seeing: ResponderHarness, server: OpenAiServer) -> None:
    await seeing.start(timing=TIMING)
    show(seeing, JPEG, "¿Se puede arreglar?")
    assert await seeing.answers(1) == ["Lo veo (2)."]
    [question] = server.questions
    picture = {"type": "image_url", "image_url": {"url": URL}}
    content: Any = question[-1]["content"]
    assert content == [{"type": "text", "text": "¿Se puede arreglar?"}, picture]
    show(seeing, JPEG)
    assert await seeing.answers(2) == ["Lo veo (2).", "Lo veo (4)."]
    last: Any = server.questions[1]
    assert [one["content"] for one in last[1:-1]] == ["¿Se puede arreglar?", "Lo veo (2)."]
    assert last[-1]["content"] == [{"type": "text", "text": "[photo]"}, picture]


async def test_a_picture_that_does_not_come_leaves_its_caption(seeing: ResponderHarness, server: OpenAiServer) -> None:
    await seeing.start(timing=TIMING)
    show(seeing, MediaGone("Gone.", final=True), "¿Y esto?")
    assert await seeing.answers(1) == ["Lo veo (2)."]
    assert server.questions[0][-1]["content"] == "¿Y esto?"
    show(seeing, MediaGone("Gone.", final=True))
    show(seeing, JPEG, view_once=True)  # not for anyone but its receiver
    assert await seeing.verdicts(3) == ["answered", "no_answer", "not_text"]
    assert len(server.questions) == 1
    assert seeing.responder is not None
    assert {fault.code for fault in seeing.responder.faults.since(0)} == {"picture_failed"}


async def test_without_the_setting_pictures_are_not_read(seeing: ResponderHarness, server: OpenAiServer) -> None:
    await seeing.start(images=False)
    show(seeing, JPEG, "¿Se puede arreglar?")
    seeing.bridge.phone.incoming(BETO, "¿Tienen turno?")
    assert await seeing.answers(1) == ["Lo veo (2)."]
    assert await seeing.verdicts(2) == ["not_text", "answered"]
    assert server.questions[0][-1]["content"] == "¿Tienen turno?"
    assert await seeing.rows("SELECT * FROM wa_mark") == []
