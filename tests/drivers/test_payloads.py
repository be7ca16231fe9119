"""The page's items through the real conversion.

Each file of `payloads/` has `page`, an item as the agent in the page makes it, and `message`, the expected fields.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bridge.contract.errors import LimitReached
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import MessageContent
from bridge.drivers.web.payloads import to_ack, to_items, to_message
from bridge.ports import AckChange, IncomingMessage, SendStopped

FILES = sorted((Path(__file__).parent / "payloads").glob("*.json"))


def plain(value: Any) -> Any:
    match value:
        case Jid() | MessageKey():
            return str(value)
        case BaseModel():
            return value.model_dump()
        case tuple() | list():
            return [plain(item) for item in value]
        case _:
            return value


def test_there_are_recorded_payloads() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_payload(file: Path) -> None:
    case = json.loads(file.read_text("utf-8"))
    message = to_message(case["page"])
    found = {
        name: plain(getattr(message if hasattr(message, name) else message.content, name)) for name in case["message"]
    }
    assert found == case["message"]
    assert message.id == str(message.key)
    assert message.key == MessageKey.parse(message.id)
    if message.type == "unknown":
        assert message.raw is not None
        json.dumps(message.raw, ensure_ascii=False).encode()


def test_an_unconvertible_item_has_the_same_id_when_it_is_repeated() -> None:
    first, again = ({"kind": "message", "at": at, "type": "chat", "body": "x"} for at in (1795494671, 1795494999))
    assert to_message(first).id == to_message(again).id
    assert to_message(first).id != to_message({**first, "body": "y"}).id


@pytest.mark.parametrize(
    ("t", "timestamp"),
    [
        (1795494000, 1795494000),
        (1795494000250, 1795494000),  # milliseconds
        (1795494671 + 3600, 1795494671 + 3600),  # the sender's clock may be wrong
        *(
            (wrong, 1795494671)
            for wrong in (0, -1795494000, 1795494671 + 90_000, 2**36, 1e15, 1e300, None, True, "1795494000")
        ),
    ],
)
def test_what_is_no_time_is_the_time_of_the_reading(t: Any, timestamp: int) -> None:
    read = {"kind": "message", "at": 1795494671, "t": t, "type": "chat", "key": {"serialized": "false_1@c.us_3A"}}
    assert to_message(read).timestamp == timestamp


def test_an_ack() -> None:
    parts = {"fromMe": True, "remote": "5491155500001@c.us", "id": "3EB0", "participant": None}
    key = MessageKey.parse("true_5491155500001@c.us_3EB0")
    assert to_ack({"kind": "ack", "level": 2, "keys": [parts, {"id": 5}]}) == AckChange((key,), 2)
    refused = to_ack({"kind": "ack", "level": -1, "keys": [parts], "refusal": {"code": 475}})
    assert refused is not None
    assert (refused.level, type(refused.error)) == (-1, LimitReached)
    assert to_items([{"kind": "stopped", "key": parts}, {"kind": "stopped", "key": 5}]) == [SendStopped(key)]


@pytest.mark.parametrize(
    "raw", [{"keys": []}, {"level": 1}, {"level": True, "keys": [{}]}, {"level": 1, "keys": [None]}]
)
def test_an_ack_that_names_no_message_is_passed_on_in_raw_form(raw: dict[str, Any]) -> None:
    (item,) = to_items([{"kind": "ack", **raw}])
    assert isinstance(item, IncomingMessage)
    assert item.type == "unknown"
    assert item.raw == {"kind": "ack", **raw}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = [
    *("kind", "key", "at", "t", "type", "from", "author", "notifyName", "person", "level", "keys", "content"),
    *("fromMe", "remote", "id", "participant", "serialized", "variant", "raw", *MessageContent.model_fields),
]


@given(st.lists(_JSON | st.dictionaries(st.sampled_from(_FIELDS), _JSON), max_size=5))
def test_no_item_of_a_page_blocks_the_others(batch: list[Any]) -> None:
    items = to_items(batch)
    assert len(items) == len(batch)
    for item in items:
        if isinstance(item, IncomingMessage):
            f"{item.id}{item.notify_name}{item.content}".encode()
            json.dumps(dict(item.raw or {}), ensure_ascii=False).encode()
