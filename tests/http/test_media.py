"""Files of received messages over HTTP: for who may read the session, in parts, and never executed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from typing import Any

import httpx
import pytest

from bridge.app.media import delete_files
from bridge.contract.kinds.media import Media
from bridge.contract.messages import Stream
from bridge.drivers.scripted import ScriptedPhone
from bridge.http.credentials import new_key
from bridge.ports import Scope
from bridge.store.media_queue import _SENT, SqliteMediaQueue
from tests.http.conftest import ANA, BETO, HERE, HttpBridge

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 40
KEY = {"x-api-key": "a-key-of-the-tests"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def received(
    side: HttpBridge, content: bytes, count: int = 1, *, kind: str = "image", chat: str = ANA, **fields: Any
) -> dict[str, Any]:
    """A file arrives; returns the event that it is ready."""
    known = {"mimetype": "image/png", "size": len(content), "sha256": sha256(content)} | fields
    message = side.phone.incoming(chat, "", type=kind, media=Media(**known))
    side.phone.files[message.key.id] = content
    await side.journalled(count, Stream.EVENT)
    async with side.client(headers=KEY) as client:
        page = (await client.get("/v1/sessions/haby/messages", params={"stream": "event"})).json()
    event: dict[str, Any] = page["items"][-1]
    assert (event["kind"], event["state"]) == ("media", "ready")
    return event


@pytest.fixture
async def keyed(side: HttpBridge) -> HttpBridge:
    side.given |= {"api_key": KEY["x-api-key"], "sessions": "haby=51,otra=52"}
    side.phones["otra"] = ScriptedPhone(side.clock, paired=True)
    await side.start()
    return side


async def test_a_file_is_served_whole_and_in_parts(keyed: HttpBridge) -> None:
    event = await received(keyed, PNG)
    async with keyed.client(headers=KEY) as client:
        path = f"/v1/media/{sha256(PNG)}"
        whole = await client.get(path)
        assert (whole.status_code, whole.content) == (200, PNG)
        assert whole.headers["content-type"] == "image/png"
        assert whole.headers["etag"] == f'"{sha256(PNG)}"'
        part = await client.get(path, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, PNG[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(PNG)}"
        tail = await client.get(path, headers={"Range": "bytes=-5", "If-Range": whole.headers["etag"]})
        assert (tail.status_code, tail.content) == (206, PNG[-5:])
        assert (await client.get(path, headers={"Range": f"bytes={len(PNG)}-"})).status_code == 416
        unchanged = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        head = await client.head(path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(PNG)))
        assert (await client.get("/v1/media/not-a-hash")).status_code == 400
        assert (await client.get(f"/v1/media/{'0' * 64}")).status_code == 404
    assert event["url"].startswith(f"{keyed.url}/v1/media/{sha256(PNG)}?")


async def test_a_link_needs_no_key_and_cannot_be_changed(keyed: HttpBridge) -> None:
    link = httpx.URL((await received(keyed, PNG))["url"])
    async with keyed.client() as client:
        answer = await client.get(link)
        assert (answer.status_code, answer.content) == (200, PNG)
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert (await client.get(link, headers={"Range": "bytes=0-3"})).content == PNG[:4]
        late = link.copy_merge_params({"expires": str(int(time.time()) + 10**9)})
        other = link.copy_merge_params({"session": "otra"})
        for wrong in (
            late,
            other,
            link.copy_merge_params({"signature": "0" * 64}),
            link.copy_with(path="/v1/messages"),
        ):
            assert (await client.get(wrong)).status_code == 401, wrong
        assert (await client.get(link.copy_remove_param("signature"))).status_code == 401
        assert (await client.get(link.copy_with(path=f"/v1/media/{'0' * 64}"))).status_code == 401
        for path in (link.path + "/upload", link.path + "/", "/v1/sessions/haby/media"):
            assert (await client.get(link.copy_with(path=path))).status_code == 401, path
        assert (await client.get(f"{link.path}?x=signature=1")).status_code == 401
        assert (await client.post(link)).status_code == 401


async def test_a_link_expires(keyed: HttpBridge) -> None:
    assert keyed.bridge is not None
    await received(keyed, PNG)
    host = keyed.bridge.hosts[0]
    assert host.downloads is not None
    links = host.downloads._shared.links
    async with keyed.client() as client:
        old = links.link(sha256(PNG), "haby", time.time() - 8 * 86400)
        assert old is not None
        assert (await client.get(old)).status_code == 401
        assert (await client.get(old, headers=KEY)).status_code == 200


async def test_a_key_opens_only_the_files_of_its_sessions(keyed: HttpBridge) -> None:
    await received(keyed, PNG)
    async with keyed.store() as store, keyed.client() as client:
        for sessions, scopes, status in (
            (["otra"], [Scope.LISTEN], 404),
            (["haby"], [Scope.SEND], 403),
            (["haby", "otra"], [Scope.LISTEN], 200),
            (None, [Scope.ADMIN], 200),
        ):
            issued = new_key("test", scopes, sessions, time.time())
            await store.access.add_key(issued.key)
            answer = await client.get(f"/v1/media/{sha256(PNG)}", headers={"x-api-key": issued.text})
            assert answer.status_code == status, (sessions, scopes)
            listed = await client.get("/v1/sessions/haby/media", headers={"x-api-key": issued.text})
            assert listed.status_code == (200 if status == 200 else 403)
        assert (await client.get(f"/v1/media/{sha256(PNG)}")).status_code == 401


@pytest.mark.parametrize(
    ("content", "declared", "served"),
    [
        (b"<html><script>alert(1)</script>", "image/png", "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "image/png", "image/svg+xml"),
        (b"%PDF-1.4\n%...", "application/pdf", "application/pdf"),
        (b"uno;dos\n", "text/csv", "text/csv"),
        (b"\x00\x01\x02", "text/html", "application/octet-stream"),
    ],
)
async def test_what_a_browser_could_execute_is_saved(
    keyed: HttpBridge, content: bytes, declared: str, served: str
) -> None:
    event = await received(keyed, content, kind="document", mimetype=declared, filename='ví"rus\r\n.html')
    async with keyed.client() as client:
        answer = await client.get(event["url"])
    headers = answer.headers
    assert headers["content-type"].partition(";")[0] == served == event["mimetype"]
    assert headers["content-disposition"].startswith('attachment; filename="v__rus__.html"')
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]


async def test_a_file_that_was_asked_for_comes(side: HttpBridge) -> None:
    side.given |= {"media": "ask"}
    await side.start()
    message = side.phone.incoming(
        ANA, "", type="image", media=Media(mimetype="image/png", size=len(PNG), sha256=sha256(PNG))
    )
    side.phone.files[message.key.id] = PNG
    await side.journalled(1)
    async with side.client() as client:
        [listed] = (await client.get("/v1/sessions/haby/media")).json()["items"]
        assert (listed["message_id"], listed["state"], listed["url"]) == (message.id, "off", None)
        path = "/v1/sessions/haby/requests/media.get"
        asked = (await client.post(path, json={"message_id": message.id})).json()
        assert (asked["status"], asked["data"]["state"]) == ("done", "pending")
        await side.journalled(1, Stream.EVENT)
        answer = (await client.post(path, json={"message_id": message.id})).json()["data"]
        assert answer["state"] == "ready"
        assert (await client.get(answer["url"])).content == PNG
        missing = await client.post(path, json={"message_id": "false_x"})
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_files_end_by_age_by_size_and_with_their_messages(keyed: HttpBridge) -> None:
    assert keyed.bridge is not None
    bridge, folder = keyed.bridge, keyed.settings.data_dir / "media"
    contents = [PNG + bytes([number]) for number in range(3)]
    for number, content in enumerate(contents, 1):
        await received(keyed, content, number, chat=BETO)
        os.utime(folder / sha256(content)[:2] / sha256(content), (time.time() - number * 3600,) * 2)
    host = bridge.hosts[0]
    assert host.downloads is not None
    shared, limits = host.downloads._shared, keyed.limits
    orphan = folder / "00" / ("0" * 64)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"left over")
    hosts = bridge.hosts
    assert await delete_files(keyed.settings, hosts, shared, time.time(), limits) == 0
    assert await delete_files(keyed.settings, hosts, shared, time.time() + 2 * 86400, limits) == 1
    assert not orphan.exists()
    keyed.given |= {"media_retention": "30d,0MB"}
    assert await delete_files(keyed.settings, hosts, shared, time.time(), limits) == 3
    await keyed.journalled(6, Stream.EVENT)
    async with keyed.client(headers=KEY) as client:
        items = (await client.get("/v1/sessions/haby/messages", params={"stream": "event"})).json()["items"]
        assert [event["state"] for event in items] == ["ready"] * 3 + ["expired"] * 3
        assert (await client.get(f"/v1/media/{sha256(contents[0])}")).status_code == 404
        [message, *_] = (await client.get("/v1/sessions/haby/messages")).json()["items"]
        assert (message["media"]["state"], message["media"]["url"]) == ("expired", None)
    assert [file async for file in shared.store.all()] == []


async def test_a_download_in_vain_deletes_no_file_of_another_session(keyed: HttpBridge) -> None:
    await received(keyed, PNG)
    other = keyed.phones["otra"]
    media = Media(mimetype="image/png", size=len(PNG), sha256="0" * 64)
    message = other.incoming(ANA, "", type="image", media=media)
    other.files[message.key.id] = PNG  # not what the message names
    async with asyncio.timeout(HERE):
        while not other.downloaded:  # noqa: ASYNC110 - no event reports it
            await asyncio.sleep(0.01)
    assert keyed.bridge is not None
    queue = keyed.bridge.hosts[1].media
    assert queue is not None
    async with asyncio.timeout(HERE):
        while (row := await queue.find(message.id)) is None or row.due <= message.timestamp + 5:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with keyed.client(headers=KEY) as client:
        assert (await client.get(f"/v1/media/{sha256(PNG)}")).status_code == 200


async def test_what_a_command_sent_is_served_and_ends_with_it(keyed: HttpBridge) -> None:
    document = {"data": base64.b64encode(PNG).decode(), "filename": "factura ñ.png"}
    async with keyed.client(headers=KEY) as client:
        body = {"id": "with-file", "to": ANA, "document": document}
        answer = await client.post("/v1/sessions/haby/sends", params={"wait": 10}, json=body)
        assert answer.json()["status"] == "sent", answer.text
        [sent] = (await client.get("/v1/sessions/haby/sends")).json()["sends"]
        whole = await client.get(f"/v1/media/{sha256(PNG)}")
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, PNG, "image/png")
        assert "factura%20%C3%B1.png" in whole.headers["content-disposition"]
        assert (await client.get(f"/v1/media/{'1' * 64}")).status_code == 404
    async with keyed.client() as client:
        assert (await client.get(sent["file"])).content == PNG
        assert (await client.get(httpx.URL(sent["file"]).copy_merge_params({"session": "otra"}))).status_code == 401
    assert keyed.bridge is not None
    store = keyed.bridge.hosts[0].media
    assert isinstance(store, SqliteMediaQueue)
    plan = await store._database.read(lambda one: one.execute(f"EXPLAIN QUERY PLAN {_SENT}", ("1",)).fetchall())
    assert "commands_file" in str(plan)
