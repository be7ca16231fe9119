"""What is said of a field speaks of JSON, not of this program's classes and patterns."""

from __future__ import annotations

import json

import pytest

from bridge.contract.commands import parse_json, parse_out
from bridge.contract.controls import ControlCommand
from bridge.contract.errors import InvalidRequest
from bridge.contract.replays import ReplayRequest
from bridge.contract.requests import parse_request

OBJECT = 'must be an object of fields, {"name": …}'


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"image": "https://example.com/foto.jpg"}, f"image: {OBJECT}"),
        ({"contacts": ["Ana"]}, f"contacts.0: {OBJECT}"),
        ({"image": {"sha256": "ABC"}}, "image.sha256: must be a SHA-256, as 64 digits 0-9 and a-f"),
        ({"image": {"data": "aG9sYQ==", "mimetype": "jpeg"}}, "image.mimetype: must be a type such as image/jpeg"),
    ],
)
def test_a_command(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_out(json.dumps({"to": "5491155500001", **fields}).encode())
    assert refused.value.text == f"Refused: {said}."


def test_other_payloads() -> None:
    with pytest.raises(InvalidRequest, match="after: must be an object of fields"):
        parse_json(ReplayRequest, b'{"request": "1", "reader": "crm", "after": 120}')
    with pytest.raises(InvalidRequest, match="response: must be an object of fields"):
        parse_json(ControlCommand, b'{"action": "passkey", "response": "x"}')
    with pytest.raises(InvalidRequest, match="after: must be `next` of the page before"):
        parse_request(b'{"action": "messages.search", "q": "x", "after": "x"}')
