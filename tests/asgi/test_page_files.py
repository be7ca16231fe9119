"""A page's files: what is answered, what the browser may keep, and that no thread is needed for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from bridge.asgi.page_files import PageFiles

SCRIPT = "export const ñandú = 1;\n"


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Of a folder with a script, beside a file that is none of the page's."""
    folder = tmp_path / "page"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "main.js").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")

    async def refused(*_: object) -> None:
        raise AssertionError("a thread for a small file")

    app = Starlette(routes=[Mount("/static", PageFiles(directory=folder))])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        await client.get("/static/parts/main.js")  # the first request looks at the folder, in a thread
        monkeypatch.setattr(anyio.to_thread, "run_sync", refused)
        yield client


async def test_a_file_is_answered_whole_and_revalidated(client: httpx.AsyncClient) -> None:
    whole = await client.get("/static/parts/main.js", headers={"Range": "bytes=0-3"})
    assert (whole.status_code, whole.text, "accept-ranges" in whole.headers) == (200, SCRIPT, False)
    assert whole.headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(whole.headers["content-length"]) == len(SCRIPT.encode())
    assert (whole.headers["cache-control"], whole.headers["x-content-type-options"]) == ("no-cache", "nosniff")
    for known in ({"If-None-Match": whole.headers["etag"]}, {"If-Modified-Since": whole.headers["last-modified"]}):
        unchanged = await client.get("/static/parts/main.js", headers=known)
        assert (unchanged.status_code, unchanged.content, unchanged.headers["cache-control"]) == (304, b"", "no-cache")
    changed = await client.get("/static/parts/main.js", headers={"If-None-Match": '"another"'})
    assert (changed.status_code, changed.text) == (200, SCRIPT)


@pytest.mark.parametrize(
    "path",
    ["none.js", "parts", "parts/", "", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "%00", "a" * 5000],
)
async def test_anything_else_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/static/{path}")).status_code == 404


async def test_files_are_read_only(client: httpx.AsyncClient) -> None:
    assert (await client.head("/static/parts/main.js")).status_code == 200
    refused = await client.post("/static/parts/main.js")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
