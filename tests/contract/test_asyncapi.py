"""The documents for programs: references resolve, no topic is missing, every golden payload is valid."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from bridge.contract.asyncapi import PAYLOADS, asyncapi, channels, schemas
from bridge.contract.events import Event
from bridge.contract.topics import Leaf, Topics
from tests.contract.payloads import every_written

GOLDEN = Path(__file__).parent / "golden"
WRITTEN = every_written()
# Made by the worker that needs them, not by each that collects them.
made_schemas = cache(schemas)
document = cache(partial(asyncapi, Topics("casa/wa"), "1.2.3"))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in _references(inner)]
    return [found for inner in value for found in _references(inner)] if isinstance(value, list) else []


def test_every_reference_resolves() -> None:
    found = _references(document())
    assert len(found) > 50
    for reference in found:
        at: Any = document()
        for part in reference.removeprefix("#/").split("/"):
            assert part in at, reference
            at = at[part]


def test_the_document_makes_each_schema_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them for each message took 35 times as long."""
    made: list[bool] = []
    original = Event.model_json_schema

    def counted(*, by_alias: bool) -> dict[str, Any]:
        made.append(by_alias)
        return original(by_alias=by_alias)

    monkeypatch.setattr(Event, "model_json_schema", counted)
    asyncapi(Topics(), "1")
    assert made == [True]


def test_every_topic_of_a_session_and_every_payload_is_documented() -> None:
    addresses = {one["address"] for one in document()["channels"].values()}
    for leaf in Leaf:
        assert any(address.split("/")[3:4] == [leaf] for address in addresses), leaf
    documented = {name for one in channels(Topics()) for name in one.payloads}
    assert documented - {"PlainText", "QrPicture"} == {model.__name__ for model in PAYLOADS}
    for name, operation in document()["operations"].items():
        assert operation["action"] in ("send", "receive"), name
        assert operation["bindings"]["mqtt"]["qos"] == (0 if name in ("receive_control", "receive_typing") else 1)


def test_retained_topics_are_those_of_the_contract() -> None:
    assert {one.name for one in channels(Topics()) if one.retained} == {
        "status",
        "qr",
        "qrPicture",
        "passkey",
        "bridge",
        "lease",
        "botConfig",
        "campaign",
    }


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_payload_is_valid_by_its_schema(name: str) -> None:
    model = WRITTEN[name][0]
    if model.__name__ not in made_schemas():
        pytest.fail(f"{model.__name__} has no schema")
    validator = jsonschema_rs.validator_for(made_schemas()[model.__name__])
    payload = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    validator.validate(payload)
    assert not validator.is_valid({**payload, "v": 2})


@pytest.mark.parametrize(
    ("payload", "valid"),
    [
        ({"to": "5491155500001", "message": "Hola"}, True),
        ({"to": "5491155500001", "message": "Hola", "ttl": 60, "priority": "bulk", "meta": {"a": [1]}}, True),
        ({"to": "5491155500001"}, False),
        ({"to": 5491155500001, "message": "Hola"}, False),
        ({"to": "5491155500001", "message": "Hola", "tll": 60}, False),
        ({"to": "5491155500001", "message": "Hola", "ttl": -1}, False),
    ],
)
def test_the_schema_of_a_command_refuses_what_the_bridge_refuses(payload: dict[str, Any], valid: bool) -> None:
    assert jsonschema_rs.validator_for(made_schemas()["SendCommand"]).is_valid(payload) is valid
