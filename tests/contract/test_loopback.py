"""Who counts as this machine: the rule of every server that answers without credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.asgi.loopback import Breach, breach, is_loopback


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "127.0.0.1:3011"}, None),
        ({"host": "localhost"}, None),
        ({"host": "[::1]:3011"}, None),
        ({"host": "127.8.8.8"}, None),
        ({"host": "127.0.0.1:3011", "origin": "http://127.0.0.1:3011"}, None),
        ({}, Breach.HOST),
        ({"host": "bridge.example"}, Breach.HOST),
        ({"host": "127.0.0.1.example"}, Breach.HOST),
        ({"host": "10.0.0.1"}, Breach.HOST),
        ({"host": "[::1"}, Breach.HOST),
        ({"host": "127.0.0.1@bridge.example"}, Breach.HOST),
        ({"host": "localhost", "forwarded": "for=10.0.0.1"}, Breach.FORWARDED),
        ({"host": "localhost", "x-forwarded-for": "10.0.0.1"}, Breach.FORWARDED),
        ({"host": "localhost:3011", "origin": "http://site.example"}, Breach.ORIGIN),
        ({"host": "localhost:3011", "origin": "http://localhost:8080"}, Breach.ORIGIN),
        ({"host": "localhost:3011", "origin": "null"}, Breach.ORIGIN),
        ({"host": "localhost:3011", "origin": "http://[::1"}, Breach.ORIGIN),
    ],
)
def test_a_request_is_from_this_machine_or_says_what_is_wrong(headers: dict[str, str], expected: Breach | None) -> None:
    assert breach(headers) is expected


@given(st.text(), st.text())
def test_no_header_raises(host: str, origin: str) -> None:
    assert breach({"host": host, "origin": origin}) in (None, *Breach)


def test_no_name_is_not_this_machine() -> None:
    assert not is_loopback(None)
