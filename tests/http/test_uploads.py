"""Uploads over HTTP, whole and interrupted, and files that commands name by their SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import ANA, HttpBridge
from tests.s3_server import new_bucket, s3_server
from tests.sample_files import PNG

HEADERS = {"Content-Type": "application/octet-stream"}


def sample(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def upload(client: httpx.AsyncClient, content: Any, **query: Any) -> httpx.Response:
    return await client.post("/v1/media", content=content, params=query, headers=HEADERS)


async def cut_upload(bridge: HttpBridge, content: bytes, at: int) -> None:
    """Send the first `at` bytes, then cut the connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    head = (
        f"POST /v1/media?sha256={sha256(content)} HTTP/1.1\r\nHost: 127.0.0.1:{bridge.port}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    writer.write(head.encode() + content[:at])
    await writer.drain()
    async with bridge.client() as client, asyncio.timeout(10):
        while (await client.get(f"/v1/media/{sha256(content)}/upload")).json()["offset"] < at // 2:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    writer.transport.abort()


async def upload_at_1(client: httpx.AsyncClient, content: bytes) -> httpx.Response:
    """The refusal of a wrong offset, once the bridge has seen that the upload before has ended."""
    async with asyncio.timeout(10):
        while True:
            answer = await upload(client, content[1:], sha256=sha256(content), offset=1)
            if answer.json()["offset"] is not None:
                return answer
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("size", [1, 1 << 10, 1 << 20, 64_000_000])
async def test_an_upload_is_answered_with_its_hash(started: HttpBridge, size: int) -> None:
    content = sample(size)

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, size, 1 << 20):
            yield content[start : start + (1 << 20)]

    async with started.client() as client:
        answer = await upload(client, parts())
    assert answer.status_code == 200
    assert answer.json() == {"sha256": sha256(content), "size": size, "mimetype": "application/octet-stream"}


async def test_an_uploaded_file_is_sent(started: HttpBridge) -> None:
    async with started.client() as client:
        assert (await upload(client, PNG, sha256=sha256(PNG))).json()["mimetype"] == "image/png"
        body = {"to": ANA, "image": {"sha256": sha256(PNG), "caption": "La fuga"}}
        sent = await client.post("/v1/sessions/haby/sends", json=body, params={"wait": 10})
        assert (sent.status_code, sent.json()["status"]) == (200, "sent")
        listed = (await client.get("/v1/sessions/haby/sends")).json()["sends"][0]
    assert listed["message"] == "📷 La fuga"
    assert listed["content"]["image"]["filename"] == "image.png"
    assert started.phone.sent[0].sha256 == sha256(PNG)


async def test_an_interrupted_upload_goes_on(started: HttpBridge) -> None:
    content = sample(8 << 20)
    await cut_upload(started, content, 4 << 20)
    async with started.client() as client:
        wrong = await upload_at_1(client, content)
        assert (wrong.status_code, wrong.json()["code"]) == (409, "conflict")
        offset = wrong.json()["offset"]
        assert 0 < offset <= 4 << 20
        assert (await client.get(f"/v1/media/{sha256(content)}/upload")).json()["offset"] == offset
        rest = await upload(client, content[offset:], sha256=sha256(content), offset=offset)
        assert (rest.status_code, rest.json()["size"]) == (200, len(content))


async def test_an_upload_goes_on_after_a_restart(started: HttpBridge) -> None:
    content = sample(8 << 20)
    await cut_upload(started, content, 4 << 20)
    await started.kill()
    await started.start()
    async with started.client() as client:
        offset = (await client.get(f"/v1/media/{sha256(content)}/upload")).json()["offset"]
        assert offset > 0
        assert (await upload(client, content[offset:], sha256=sha256(content), offset=offset)).status_code == 200


async def test_a_known_file_is_answered_at_once(started: HttpBridge) -> None:
    async with started.client() as client:
        await upload(client, PNG)
        known = (await client.get(f"/v1/media/{sha256(PNG)}/upload")).json()
        assert known == {
            "sha256": sha256(PNG),
            "offset": len(PNG),
            "file": {"sha256": sha256(PNG), "size": len(PNG), "mimetype": "image/png"},
        }
        assert (await upload(client, b"", sha256=sha256(PNG))).json() == known["file"]


async def test_other_bytes_than_the_hash_says_are_refused(started: HttpBridge) -> None:
    async with started.client() as client:
        answer = await upload(client, b"other", sha256=sha256(b"these"))
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert (await client.get(f"/v1/media/{sha256(b'these')}/upload")).json()["offset"] == 0


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_above_the_limit_is_refused(started: HttpBridge, announced: bool) -> None:
    content = bytes(64_000_001)

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1 << 20):
            yield content[start : start + (1 << 20)]

    async with started.client() as client:
        try:
            answer = await upload(client, content if announced else parts())
        except httpx.TransportError:
            return  # the bridge has closed the connection before it was all written
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_what_a_form_of_another_site_can_send_is_refused(started: HttpBridge) -> None:
    async with started.client() as client:
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
            answer = await client.post("/v1/media", content=PNG, headers={"Content-Type": kind})
            assert answer.status_code == 415
        assert (await client.post("/v1/media", content=PNG, params={"sha256": "x"}, headers=HEADERS)).status_code == 400


async def test_without_a_key_nothing_is_uploaded(side: HttpBridge) -> None:
    side.given["api_key"] = "0123456789abcdef"
    await side.start(until=None)
    async with side.client() as client:
        assert (await upload(client, PNG)).status_code == 401


async def test_files_may_be_kept_in_s3(side: HttpBridge) -> None:
    with s3_server() as endpoint:
        side.given |= {"media_store": new_bucket(endpoint), "media_store_key": "id:secret"}
        await side.start()
        async with side.client() as client:
            assert (await upload(client, PNG, sha256=sha256(PNG))).status_code == 200
            body = {"to": ANA, "image": {"sha256": sha256(PNG)}}
            sent = await client.post("/v1/sessions/haby/sends", json=body, params={"wait": 10})
            assert sent.json()["status"] == "sent"
        await side.stop()
    assert side.phone.sent[0].sha256 == sha256(PNG)
    assert list((side.settings.data_dir / "media").iterdir()) == []
