"""`kill -9` of the bridge and its browser while it sends files: none arrives twice, and the outcomes are true."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import httpx
import psutil
import pytest

from bridge.drivers.web import processes
from bridge.sandbox.records import ReceiptPolicy
from tests.chaos.rig import login_is_written
from tests.http.test_killed import CHATS, TIMEOUT, Scene, scene

__all__ = ["scene"]
pytestmark = pytest.mark.timeout(240)
#: Bytes of a large file, and seconds after its send began at which a kill meets it: on its way into the page, while it
#: is uploaded; None: once it has arrived.
LARGE = 64_000_000
MOMENTS: tuple[float | None, ...] = (0.05, 1.5, None)
FILES = {f"file-{number}": random.Random(number).randbytes(1000 + 20_000 * number) for number in range(8)}


async def ask(scene: Scene) -> None:
    """Send every file; the same id again gets the same result."""
    async with scene.client() as client:
        for number, (name, content) in enumerate(FILES.items()):
            media = {"data": base64.b64encode(content).decode(), "filename": f"{name}.bin", "caption": name}
            body = {"id": name, "to": CHATS[number % len(CHATS)], "document": media}
            answer = await client.post("/v1/sessions/haby/sends", json=body)
            assert answer.status_code in (200, 202), answer.text


async def final_states(scene: Scene, names: Iterable[str] = FILES) -> dict[str, str]:
    async with asyncio.timeout(2 * TIMEOUT), scene.client() as client:
        while True:
            try:
                states = {name: (await client.get(f"/v1/sessions/haby/sends/{name}")).json()["state"] for name in names}
            except httpx.TransportError:
                states = {}
            if states and not {"accepted", "sending"} & set(states.values()):
                return states
            await asyncio.sleep(0.2)


async def test_a_killed_bridge_sends_each_file_once(scene: Scene) -> None:
    scene.world.configure(scene.world.state.settings.model_copy(update={"upload_ms": 300}))
    for chat in CHATS:
        scene.world.incoming(chat, "Hola")
    await ask(scene)
    for arrived in (1, 4):
        await scene.until(lambda count=arrived: len(scene.world.state.sent) >= count, "some have arrived")  # type: ignore[misc]
        scene.bridge.end()
        scene.bridge.start()
        await scene.connected()
    await ask(scene)
    states = await final_states(scene)
    times = Counter[str]()
    for sent in scene.world.state.sent.values():
        assert sent.caption is not None
        assert sent.sha256 == hashlib.sha256(FILES[sent.caption]).hexdigest()
        times[sent.caption] += sent.deliveries
    assert max(times.values()) == 1, times
    for name, state in states.items():  # one that was being uploaded is lost with the page: its sender learns that
        expected = {"failed": {0}, "unknown": {0, 1}}.get(state, {1})
        assert times[name] in expected, (name, state, (scene.folder / "bridge.log").read_text()[-5000:])
    assert sum(times.values()) >= len(FILES) - 2 * len(CHATS)


def kill_browser(scene: Scene) -> None:
    """Kill the browser alone, with all its processes; the bridge starts another one."""
    found = [psutil.Process(mark.pid) for mark in processes.of_profile(scene.folder / "data/sessions/haby/profile")]
    assert found
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=10)


@pytest.mark.parametrize(
    ("victim", "moments"), [("bridge", MOMENTS), ("browser", MOMENTS[:2])], ids=["bridge", "browser"]
)
async def test_a_kill_in_the_middle_of_a_large_file_sends_it_once_or_says_unknown(
    scene: Scene, victim: str, moments: tuple[float | None, ...]
) -> None:
    await login_is_written(scene.world)
    no_ticks = ReceiptPolicy(device_ms=None, read_ms=None)  # a state that is asked for twice is the same
    scene.world.configure(scene.world.state.settings.model_copy(update={"upload_ms": 1500, "receipts": no_ticks}))
    content = random.Random(64).randbytes(LARGE)
    sha256 = hashlib.sha256(content).hexdigest()
    scene.world.incoming(CHATS[0], "Hola")
    async with scene.client() as client:
        kept = await client.post("/v1/media", content=content, headers={"Content-Type": "application/octet-stream"})
        assert kept.json()["sha256"] == sha256, kept.text

    async def ask(name: str) -> str:
        """The state of the send, which is made unless there is one with this id."""
        body = {"id": name, "to": CHATS[0], "document": {"sha256": sha256, "filename": "a.bin", "caption": name}}
        async with scene.client() as client:
            answer = await client.post("/v1/sessions/haby/sends", json=body)
            assert answer.status_code in (200, 202), answer.text
            return str((await client.get(f"/v1/sessions/haby/sends/{name}")).json()["state"])

    names = [f"large-{number}" for number in range(len(moments))]
    for name, moment in zip(names, moments, strict=True):
        await scene.connected()
        async with asyncio.timeout(2 * TIMEOUT):
            while await ask(name) == "accepted":  # noqa: ASYNC110 - asking again is no second send
                await asyncio.sleep(0.05)
        if moment is None:
            arrived = lambda: any(sent.caption == name for sent in scene.world.state.sent.values())  # noqa: B023, E731
            await scene.until(arrived, "the file has arrived")
        else:
            await asyncio.sleep(moment)
        if victim == "bridge":
            scene.bridge.end()
            scene.bridge.start()
        else:
            kill_browser(scene)
        await scene.connected()
        await final_states(scene, [name])
    states = await final_states(scene, names)
    assert {name: await ask(name) for name in names} == states
    times = Counter[str]()
    for sent in scene.world.state.sent.values():
        assert sent.sha256 == sha256
        times[str(sent.caption)] += sent.deliveries
    assert max(times.values(), default=0) <= 1, (times, states)
    for name, state in states.items():
        assert times[name] in {"failed": {0}, "unknown": {0, 1}}.get(state, {1}), (name, states, times)
    if None in moments:
        assert times[names[-1]] == 1
    assert len(scene.world.linking.devices) == 1, "the login survived"
