"""The rule for servers that answer without credentials: only requests from this machine are answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.asgi.loopback import LoopbackBreach, breach, is_loopback


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "127.0.0.1:3011"}, None),
        ({"host": "localhost"}, None),
        ({"host": "[::1]:3011"}, None),
        ({"host": "127.8.8.8"}, None),
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
    assert breach(headers) is expected


@given(st.text(), st.text())
def test_no_header_raises(host: str, origin: str) -> None:
    assert breach({"host": host, "origin": origin}) in (None, *LoopbackBreach)


def test_no_name_is_not_this_machine() -> None:
    assert not is_loopback(None)
