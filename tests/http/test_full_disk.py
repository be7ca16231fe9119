"""A disk without room for the files of commands: each is refused or waits with the reason, and nothing is lost."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from typing import Any

from tests.file_host import file_host
from tests.full_disk import files_of
from tests.http.conftest import ANA, HttpBridge

SENDS = "/v1/sessions/haby/sends"
CONTENT = random.Random(2).randbytes(2_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BODY = {"Content-Type": "application/octet-stream"}


def refused(side: HttpBridge, answer: Any) -> None:
    """The disk, and what failed: it is not the sender's fault, and the same may work later."""
    assert (answer.status_code, answer.json()["code"], answer.json()["transient"]) == (500, "internal", True)
    assert answer.json()["detail"].startswith(f"Media cannot be stored in {side.settings.data_dir}/")
    assert answer.json()["detail"].endswith(": File too large.")


async def test_an_upload_goes_on_once_there_is_room(started: HttpBridge) -> None:
    async with started.client() as client:
        with files_of(1_000_000):
            refused(started, await client.post("/v1/media", content=CONTENT, headers=BODY))
            refused(started, await client.post("/v1/media", content=CONTENT, headers=BODY, params={"sha256": SHA256}))
        offset = (await client.get(f"/v1/media/{SHA256}/upload")).json()["offset"]
        assert 0 < offset <= 1_000_000
        rest = {"sha256": SHA256, "offset": offset}
        done = await client.post("/v1/media", content=CONTENT[offset:], headers=BODY, params=rest)
        assert (done.status_code, done.json()["sha256"]) == (200, SHA256)
        assert (await client.post("/v1/media", content=CONTENT, headers=BODY)).status_code == 200
    assert not list((started.settings.data_dir / "media").glob("incoming-*"))


async def test_a_file_in_a_command_is_refused_and_taken_with_the_same_id_later(started: HttpBridge) -> None:
    body = {"id": "a", "to": ANA, "document": {"data": base64.b64encode(CONTENT[:200_000]).decode()}}
    async with started.client() as client:
        with files_of(100_000):
            refused(started, await client.post(SENDS, json=body))
        sent = await client.post(SENDS, json=body, params={"wait": 10})
        assert (sent.status_code, sent.json()["status"]) == (200, "sent")
    assert [one.sha256 for one in started.phone.sent] == [hashlib.sha256(CONTENT[:200_000]).hexdigest()]


async def test_a_file_at_a_url_waits_for_room(side: HttpBridge) -> None:
    side.given["media_hosts"] = "loopback"
    await side.start()
    async with file_host() as host, side.client() as client:
        host.files["/a.pdf"] = CONTENT
        with files_of(1_000_000):
            body = {"id": "a", "to": ANA, "document": {"url": host.url("/a.pdf")}}
            assert (await client.post(SENDS, json=body)).status_code == 202
            async with asyncio.timeout(10):
                while (waits := (await client.get(f"{SENDS}/a")).json().get("waits")) is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert waits["reason"] == "file"
        async with asyncio.timeout(15):
            while (ended := (await client.get(f"{SENDS}/a")).json())["status"] == "accepted":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert ended["status"] == "sent", ended
    assert [one.sha256 for one in side.phone.sent] == [SHA256]
