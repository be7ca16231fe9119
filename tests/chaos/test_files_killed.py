"""`kill -9` of the bridge between any two steps of a file, in and out: its bytes arrive whole, and once.

In: the row of the file is journalled with its message, the download counted, the file saved by the browser, hashed,
stored, reported with its event, and the event published. Out: the file is uploaded, its command claimed, its bytes
checked, a message id reserved, the send stored, the file put into the page, the call made, the result stored.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bridge.contract.session import SessionState
from tests.chaos.crash_points import Step
from tests.chaos.rig import Rig, login_is_written
from tests.loopback import http_client
from tests.mosquitto_server import free_port
from tests.mqtt.probe import MqttProbe, mqtt_probe
from tests.parts import require_binary

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA, BRUNO = (f"549115550000{number}@c.us" for number in (1, 2))
OUT, RESULT, EVENT = "wa/haby/out", "wa/haby/result", "wa/haby/event"
BODY = {"Content-Type": "application/octet-stream"}
SIZES, NUMBERS = (1 << 10, 2 << 20), count(1)
IN_STEPS = (
    *(Step.JOURNALLED, Step.FILE_BEGUN, Step.FILE_SAVED, Step.FILE_HASHED, Step.FILE_STORED),
    *(Step.FILE_REPORTED, Step.EVENT_PUBLISHED),
)
#: Nothing left before: the command is sent after the restart, as if there had been no crash.
UNSENT = (Step.CLAIMED, Step.FILE_READY, Step.RESERVED)
#: The page may have sent it: found there, it is `sent`, else `unknown`, and it is not repeated.
IN_DOUBT = (Step.STORED, Step.FILE_IN_PAGE, Step.CALL_MADE, Step.SENT)
OUT_STEPS = (*UNSENT, *IN_DOUBT, Step.RESULT_STORED)


class Scene:
    """A rig whose bridge serves HTTP, and a reader of its topics."""

    def __init__(self, rig: Rig, probe: MqttProbe, url: str) -> None:
        self.rig = rig
        self.probe = probe
        self.url = url

    def client(self) -> httpx.AsyncClient:
        return http_client(self.url, timeout=30)

    async def restart(self) -> None:
        """Start the bridge again after its crash, and wait until it is connected."""
        self.rig.bridge.start()
        async with asyncio.timeout(60), self.client() as client:
            while not await self._is_connected(client):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def _is_connected(self, client: httpx.AsyncClient) -> bool:
        try:
            return bool((await client.get("/api/whatsapp/status")).json()["connected"])
        except httpx.TransportError:
            return False

    async def crash_at(self, step: Step) -> None:
        """Wait for the crash at an armed step, and start the bridge again."""
        await self.rig.bridge.ended(20)
        assert not self.rig.bridge.armed.exists(), f"it ended before: {step}"
        await self.restart()

    def delivered(self, sha256: str) -> int:
        """How often WhatsApp delivered a file."""
        return sum(one.deliveries for one in self.rig.world.state.sent.values() if one.sha256 == sha256)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    port = free_port()
    async with (
        Rig(tmp_path_factory.mktemp("files"), WA_HTTP_PORT=str(port)) as rig,
        mqtt_probe(rig.broker.url("admin")) as probe,
    ):
        await probe.state(SessionState.CONNECTED, within=60)
        await login_is_written(rig.world)
        for chat in (ANA, BRUNO):
            rig.world.incoming(chat, "Hola")
        yield Scene(rig, probe, f"http://127.0.0.1:{port}")


def samples() -> dict[str, bytes]:
    """Bytes that no test had before, of each size, by their SHA-256."""
    found = (random.Random(f"{next(NUMBERS)}").randbytes(size) for size in SIZES)
    return {hashlib.sha256(content).hexdigest(): content for content in found}


@pytest.mark.parametrize("step", IN_STEPS)
async def test_a_file_comes_in_whole_whatever_step_is_interrupted(scene: Scene, step: Step) -> None:
    scene.rig.bridge.armed.write_text(step)
    wanted: dict[str, bytes] = {}
    for chat, content in zip((ANA, BRUNO), samples().values(), strict=True):
        fields = {"mimetype": "application/pdf", **scene.rig.sandbox.received.keep(content, "document")}
        wanted[scene.rig.world.incoming(chat, "", kind="document", fields=fields).key] = content
    await scene.crash_at(step)
    for key, content in wanted.items():
        event = await scene.probe.wait(EVENT, lambda one, key=key: one.get("message_id") == key, within=40)  # type: ignore[misc]
        assert (event["kind"], event["state"]) == ("media", "ready")
        assert event["sha256"] == hashlib.sha256(content).hexdigest()
        async with scene.client() as client:
            assert (await client.get(event["url"])).content == content
    assert await journalled(scene, set(wanted)) == {"in": sorted(wanted), "event": sorted(wanted)}
    assert list((scene.rig.bridge.data_dir / "media").glob("incoming-*")) == []


async def journalled(scene: Scene, keys: set[str]) -> dict[str, list[str]]:
    """The messages and the events of files that a reader gets, by their message."""
    names = {"in": "id", "event": "message_id"}
    found: dict[str, list[str]] = {}
    async with scene.client() as client:
        for stream, name in names.items():
            query: dict[str, Any] = {"stream": stream, "limit": 5000}
            items = (await client.get("/v1/sessions/haby/messages", params=query)).json()["items"]
            found[stream] = sorted(item[name] for item in items if item.get(name) in keys)
    return found


async def upload(scene: Scene, content: bytes) -> httpx.Response:
    query = {"sha256": hashlib.sha256(content).hexdigest()}
    async with scene.client() as client:
        return await client.post("/v1/media", content=content, params=query, headers=BODY)


@pytest.mark.parametrize("step", [Step.FILE_SAVED, Step.FILE_STORED])
async def test_an_upload_is_whole_whatever_step_is_interrupted(scene: Scene, step: Step) -> None:
    """Its bytes are all on this machine: they are not sent again. One that was not answered is repeated."""
    scene.rig.bridge.armed.write_text(step)
    [_, (sha256, content)] = samples().items()
    with pytest.raises(httpx.TransportError):
        await upload(scene, content)
    await scene.crash_at(step)
    async with scene.client() as client:
        progress = (await client.get(f"/v1/media/{sha256}/upload")).json()
        assert progress["offset"] == len(content)
        rest: dict[str, Any] = {"sha256": sha256, "offset": len(content)}
        done = await client.post("/v1/media", content=b"", params=rest, headers=BODY)
    assert (done.status_code, done.json()["sha256"], done.json()["size"]) == (200, sha256, len(content))
    assert await send(scene, BRUNO, sha256) == "sent"
    assert scene.delivered(sha256) == 1


async def test_an_upload_that_is_killed_half_way_goes_on(scene: Scene) -> None:
    [_, (sha256, content)] = samples().items()

    async def half() -> AsyncIterator[bytes]:
        yield content[: 1 << 20]
        async with scene.client() as client:
            await has_begun(client, sha256)
        scene.rig.bridge.kill()
        yield content[1 << 20 :]

    query = {"sha256": sha256}
    with pytest.raises(httpx.TransportError):
        async with scene.client() as client:
            await client.post("/v1/media", content=half(), params=query, headers=BODY)
    await scene.restart()
    async with scene.client() as client:
        offset = (await client.get(f"/v1/media/{sha256}/upload")).json()["offset"]
        assert 0 < offset < len(content)
        rest = {"sha256": sha256, "offset": offset}
        done = await client.post("/v1/media", content=content[offset:], params=rest, headers=BODY)
    assert (done.status_code, done.json()["sha256"]) == (200, sha256)


async def has_begun(client: httpx.AsyncClient, sha256: str) -> None:
    """Wait until a part of an upload is on disk."""
    async with asyncio.timeout(10):
        while (await client.get(f"/v1/media/{sha256}/upload")).json()["offset"] == 0:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def send(scene: Scene, to: str, sha256: str) -> str:
    """Publish a command with a stored file; returns its final status. Repeated, it has the same result."""
    await scene.probe.publish(OUT, command(to, sha256))
    return await final(scene, sha256)


def command(to: str, sha256: str, **more: Any) -> dict[str, Any]:
    return {"id": sha256, "to": to, "document": more or {"sha256": sha256}}


async def final(scene: Scene, command_id: str) -> str:
    ended = await scene.probe.wait(
        RESULT, lambda one: one["id"] == command_id and one["status"] != "accepted", within=60
    )
    return str(ended["status"])


@pytest.mark.parametrize("step", OUT_STEPS)
async def test_a_file_goes_out_once_whatever_step_is_interrupted(scene: Scene, step: Step) -> None:
    files = samples()
    for content in files.values():
        assert (await upload(scene, content)).status_code == 200
    scene.rig.bridge.armed.write_text(step)
    commands = [command(to, sha256) for to, sha256 in zip((ANA, BRUNO), files, strict=True)]
    for one in commands:
        await scene.probe.publish(OUT, one)
    await scene.crash_at(step)
    for one in commands:  # as a sender does that has no result: the same id is sent once
        await scene.probe.publish(OUT, one)
    for sha256 in files:
        status, times = await final(scene, sha256), scene.delivered(sha256)
        assert (status, times) in {("sent", 1), *([("unknown", 0), ("unknown", 1)] if step in IN_DOUBT else [])}, step


async def test_a_file_in_a_command_is_sent_once_if_it_is_stored_and_not_claimed(scene: Scene) -> None:
    scene.rig.bridge.armed.write_text(Step.FILE_TAKEN)
    [(sha256, content), _] = samples().items()
    one = command(ANA, sha256, data=base64.b64encode(content).decode())
    await scene.probe.publish(OUT, json.dumps(one))
    await scene.crash_at(Step.FILE_TAKEN)
    assert await final(scene, sha256) == "sent"
    assert scene.delivered(sha256) == 1
