"""The rule for servers that answer without credentials: only requests from this machine are answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from bridge.asgi.loopback import LoopbackBreach, breach, is_loopback


def request(headers: dict[str, str], server: str = "127.0.0.1") -> Scope:
    encoded = [(name.encode(), value.encode("latin1", "replace")) for name, value in headers.items()]
    return {"type": "http", "headers": encoded, "server": (server, 3011)}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "127.0.0.1:3011"}, None),
        ({"host": "localhost"}, None),
        ({"host": "[::1]:3011"}, None),
        ({"host": "127.8.8.8"}, LoopbackBreach.HOST),
        ({"host": "127.0.0.1:3011", "origin": "http://127.0.0.1:3011"}, None),
        ({}, LoopbackBreach.HOST),
        ({"host": "bridge.example"}, LoopbackBreach.HOST),
        ({"host": "127.0.0.1.example"}, LoopbackBreach.HOST),
        ({"host": "10.0.0.1"}, LoopbackBreach.HOST),
        ({"host": "[::1"}, LoopbackBreach.HOST),
        ({"host": "127.0.0.1@bridge.example"}, LoopbackBreach.HOST),
        ({"host": "localhost", "forwarded": "for=10.0.0.1"}, LoopbackBreach.FORWARDED),
        ({"host": "localhost", "x-forwarded-for": "10.0.0.1"}, LoopbackBreach.FORWARDED),
        ({"host": "localhost:3011", "origin": "http://site.example"}, LoopbackBreach.ORIGIN),
        ({"host": "localhost:3011", "origin": "http://localhost:8080"}, LoopbackBreach.ORIGIN),
        ({"host": "localhost:3011", "origin": "null"}, LoopbackBreach.ORIGIN),
        ({"host": "localhost:3011", "origin": "http://[::1"}, LoopbackBreach.ORIGIN),
    ],
)
def test_a_request_is_from_this_machine_or_says_what_is_wrong(
    headers: dict[str, str], expected: LoopbackBreach | None
) -> None:
    assert breach(request(headers)) is expected


@pytest.mark.parametrize(
    "header",
    [
        *("Via", "X-Real-IP", "CF-Connecting-IP", "CF-Ray", "True-Client-IP", "X-Client-IP", "X-Cluster-Client-IP"),
        *("X-Original-Forwarded-For", "X-Forwarded", "Forwarded-For", "X-ProxyUser-Ip", "Fastly-Client-IP"),
        *("X-Envoy-External-Address", "X-Azure-ClientIP", "Fly-Client-IP", "X-AppEngine-User-IP", "CDN-Loop"),
    ],
)
def test_any_header_of_a_proxy_is_a_breach(header: str) -> None:
    assert breach(request({"host": "localhost", header.lower(): "x"})) is LoopbackBreach.FORWARDED


def test_another_address_of_loopback_is_this_machine_only_where_the_server_listens_on_it() -> None:
    assert breach(request({"host": "127.9.9.9:3011"})) is LoopbackBreach.HOST
    assert breach(request({"host": "127.9.9.9:3011"}, server="127.9.9.9")) is None


@given(st.text(), st.text())
def test_no_header_raises(host: str, origin: str) -> None:
    assert breach(request({"host": host, "origin": origin})) in (None, *LoopbackBreach)


def test_no_name_is_not_this_machine() -> None:
    assert not is_loopback(None)
