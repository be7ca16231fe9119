"""What a command says beside its content: read, refused with a sentence, stored, and part of its identity."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.contract.commands import SendCommand, parse_json
from bridge.contract.errors import InvalidRequest
from bridge.contract.kinds import dump_content, load_content
from bridge.contract.modifiers import NO_MODIFIERS

GROUP = "120363000000000001@g.us"
KEY = f"false_{GROUP}_3EB0AA11BB22_188000000000002@lid"


def command(**fields: Any) -> SendCommand:
    given = {"to": GROUP, "message": "Hola", **fields}
    if "location" in given:
        del given["message"]
    return parse_json(SendCommand, json.dumps(given).encode())


def test_without_modifiers_the_identity_is_that_of_earlier_versions() -> None:
    plain = command()
    assert plain.modifiers is NO_MODIFIERS
    assert plain.content_hash == command(link_preview=False, typing=2).content_hash
    assert plain.content_hash == "fe917dd44562396d96a51c21dc3c963cdd027b99b92bcbcd05eb062fc11d384d"


def test_modifiers_are_stored_with_the_content() -> None:
    given = command(reply_to=KEY, mentions=["+54 9 11 5550-0001", "all"], typing=2.5, link_preview=True)
    content, modifiers = load_content(dump_content(given.content, given.modifiers))
    assert (content, modifiers) == (given.content, given.modifiers)
    assert modifiers.given() == {
        "reply_to": KEY,
        "mentions": ["5491155500001@c.us", "all"],
        "typing": 2.5,
        "link_preview": True,
    }


def test_another_modifier_is_another_command() -> None:
    hashes = {
        command().content_hash,
        command(reply_to=KEY).content_hash,
        command(mentions=["all"]).content_hash,
        command(mentions=["5491155500001"]).content_hash,
        command(link_preview=True).content_hash,
    }
    assert len(hashes) == 5
    assert command(mentions=["5491155500001"]).content_hash == command(mentions=["+54 9 11 5550 0001"]).content_hash, (
        "one spelling"
    )


REFUSED = [
    ({"reply_to": ""}, "reply_to"),
    ({"reply_to": "false_somewhere_3EB0"}, "reply_to"),
    ({"reply_to": 5}, "reply_to"),
    ({"mentions": []}, "mentions"),
    ({"mentions": ["a person"]}, "mentions.0: 'a person' is not a phone number"),
    ({"mentions": [GROUP]}, "mentions.0: mentions people, or all, not a group"),
    ({"mentions": "all"}, "mentions"),
    ({"typing": 0}, "typing"),
    ({"typing": 26}, "typing"),
    ({"typing": float("nan")}, "NaN is not allowed"),
    ({"link_preview": "yes"}, "link_preview"),
    ({"to": "5491155500001", "mentions": ["all"]}, "mentions go with a message to a group"),
    ({"location": {"latitude": 1.0, "longitude": 1.0}, "link_preview": True}, "location cannot have"),
]


@pytest.mark.parametrize(("fields", "sentence"), REFUSED)
def test_what_cannot_be_is_refused_with_its_name(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        command(**fields)
    assert sentence in refused.value.text
