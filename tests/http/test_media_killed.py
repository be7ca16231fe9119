"""Files through the whole product: the real browser downloads them, and `kill -9` of the bridge loses none.

A burst may be larger with WA_TEST_PICTURES. With `-s` the times are printed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from typing import Any

import psutil
import pytest

from bridge.drivers.web import processes
from tests.http.test_killed import CHATS, Scene, scene

__all__ = ["scene"]
pytestmark = pytest.mark.timeout(300)
PICTURES = int(os.environ.get("WA_TEST_PICTURES", "40"))
SIZES = (1 << 10, 1 << 20, 60 << 20)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"


def picture(size: int, seed: int = 0) -> bytes:
    return JPEG + random.Random(f"{size} {seed}").randbytes(size - len(JPEG))


def receive(scene: Scene, content: bytes, kind: str = "image", chat: str = CHATS[0]) -> str:
    """A contact sends a file; returns the message's key."""
    fields = {"mimetype": "image/jpeg", **scene.received.keep(content, kind)}
    return scene.world.incoming(chat, "", kind=kind, fields=fields).key


async def events(scene: Scene) -> list[dict[str, Any]]:
    """Every event of the session."""
    found: list[dict[str, Any]] = []
    async with scene.client() as client:
        query: dict[str, Any] = {"stream": "event", "limit": 5000}
        while True:
            page = (await client.get("/v1/sessions/haby/messages", params=query)).json()
            found += page["items"]
            if page["next"] is None:
                return found
            query["after"] = page["next"]


async def ready(scene: Scene, keys: set[str]) -> dict[str, dict[str, Any]]:
    """Wait until the file of each message is ready; returns the events by message."""
    async with asyncio.timeout(200):
        while True:
            found = [event for event in await events(scene) if event["kind"] == "media"]
            states = {event["message_id"]: event for event in found}
            assert len(states) == len(found), "a file was reported twice"
            if keys <= states.keys():
                return states
            await asyncio.sleep(0.2)


async def test_kills_in_a_burst_of_pictures_lose_none(scene: Scene) -> None:
    contents = {receive(scene, picture(20_000, n), chat=CHATS[n % 4]): picture(20_000, n) for n in range(PICTURES)}
    for share in (0.1, 0.4):  # in the middle of the downloads
        async with asyncio.timeout(100):
            while len([one for one in await events(scene) if one["kind"] == "media"]) < share * PICTURES:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        scene.bridge.end()
        scene.bridge.start()
        await scene.connected()
    states = await ready(scene, set(contents))
    assert {event["state"] for event in states.values()} == {"ready"}
    async with scene.client() as client:
        for key, content in contents.items():
            event = states[key]
            assert event["sha256"] == hashlib.sha256(content).hexdigest()
            assert (await client.get(event["url"])).content == content
    assert list((scene.folder / "data/media").glob("incoming-*")) == []


async def test_a_file_comes_whole_whatever_its_size(scene: Scene) -> None:
    profile = scene.folder / "data/sessions/haby/profile"

    def memory() -> int:
        found = [psutil.Process(mark.pid).memory_full_info().pss for mark in processes.of_profile(profile)]
        return sum(found) >> 20

    for size in SIZES:
        content = picture(size)
        before = memory()
        begun = time.monotonic()
        key = receive(scene, content, "document")
        event = (await ready(scene, {key}))[key]
        took = time.monotonic() - begun
        print(f"\n{size:,} bytes: ready after {took:.2f} s; browser {before} MB before, {memory()} MB after")
        async with scene.client() as client:
            answer = await client.get(event["url"])
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(content).digest(), size
