"""HTTP as its callers expect it: HEAD wherever GET is answered, and legacy paths as Express takes them."""

from __future__ import annotations

import asyncio

import pytest

from bridge.asgi.limits import ServerLimits
from responder.http.limits import SurfaceLimits
from tests.http.conftest import HttpBridge

#: nginx keeps an idle connection to its upstream 60 s, and one to a browser 75 s.
PROXY_KEEP_ALIVE = 75


@pytest.mark.parametrize(
    "path", ["/", "/health", "/healthz", "/readyz", "/panel/static/main.js", "/api/whatsapp/status", "/v1/sessions"]
)
async def test_head_is_answered_like_get(started: HttpBridge, path: str) -> None:
    async with started.client() as client:
        head, get = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_head_of_an_endless_stream_ends(started: HttpBridge) -> None:
    async with started.client() as client:
        head = await asyncio.wait_for(client.head("/v1/sessions/haby/events"), 5)
        assert (head.status_code, head.content) == (200, b"")
        assert (await client.get("/health")).status_code == 200  # on the same connection


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/whatsapp/status/", 200),
        ("GET", "/API/WhatsApp/Status", 200),
        ("POST", "/api/whatsapp/send/", 400),
        ("POST", "/API/WhatsApp/Send", 400),
        ("GET", "/haby/API/wapp-session/", 200),
        ("GET", "/haby/api/wapp-session/STATUS/", 200),
        ("GET", "/HABY/api/wapp-session", 404),  # a session's name is one spelling, as before
        ("GET", "/api/bot-config/Status/51/", 200),
        ("GET", "/api/whatsapp/status//", 404),
        ("GET", "/V1/sessions", 404),
        ("GET", "/v1/sessions/", 404),
    ],
)
async def test_legacy_paths_are_taken_as_express_takes_them(
    started: HttpBridge, method: str, path: str, status: int
) -> None:
    async with started.client() as client:
        assert (await client.request(method, path, json={} if method == "POST" else None)).status_code == status


async def test_a_spelling_of_a_path_needs_the_same_key(side: HttpBridge) -> None:
    side.given["api_key"] = "a-key-of-this-test"
    await side.start()
    async with side.client() as client:
        assert (await client.get("/API/whatsapp/status/")).status_code == 401
        assert (await client.head("/v1/sessions")).status_code == 401


@pytest.mark.parametrize("limits", [ServerLimits(), SurfaceLimits().server], ids=["bridge", "responder"])
def test_the_server_keeps_idle_connections_longer_than_a_proxy(limits: ServerLimits) -> None:
    assert limits.keep_alive > PROXY_KEEP_ALIVE
