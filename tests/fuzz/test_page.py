"""Any batch of the page becomes messages and ticks, and then JSON that every reader can parse."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.contract.events import OWN_MESSAGE, Event, EventBody
from bridge.contract.messages import Inbound, Stream, in_stream
from bridge.contract.payload import instant
from bridge.core.conversion import body_of
from bridge.core.inbound import InboundPipeline
from bridge.drivers.web.payloads import to_items
from bridge.ports import IncomingMessage
from tests.fuzz.values import ADDRESSES, ANY_TEXT, BUDGET, JSON, nearly

KEYS = nearly(
    {
        "remote": ADDRESSES,
        "id": ANY_TEXT,
        "fromMe": st.booleans(),
        "participant": ADDRESSES,
        "serialized": st.sampled_from(["false_5491155500001@c.us_3EB0", "true_1@g.us_A_2@lid", "x"]),
    }
)
MESSAGES = nearly(
    {
        "kind": st.sampled_from(["message", "ack"]),
        "key": KEYS,
        "from": ADDRESSES,
        "type": st.sampled_from(["chat", "image", "location", "vcard", "multi_vcard", "poll_creation", "ciphertext"]),
        "body": ANY_TEXT,
        "caption": ANY_TEXT,
        "t": st.integers(0, 2**40),
        "at": st.integers(0, 2**40),
        "person": nearly({"pn": ADDRESSES, "lid": ADDRESSES}),
        "author": ADDRESSES,
        "notifyName": ANY_TEXT,
        "quoted": nearly({"key": KEYS, "author": ADDRESSES, "body": ANY_TEXT, "stanza": ANY_TEXT}),
        "mentions": st.lists(ADDRESSES, max_size=3),
        "mimetype": ANY_TEXT,
        "size": st.integers(),
        "filehash": ANY_TEXT,
        "filename": ANY_TEXT,
        "lat": st.floats(),
        "lng": st.floats(),
        "loc": ANY_TEXT,
        "vcards": st.lists(ANY_TEXT),
        "isForwarded": st.booleans(),
        "level": st.integers(-1, 6),
        "keys": st.lists(KEYS, max_size=3),
    }
)


@pytest.mark.timeout(180)  # a failure is shrunk before it is reported
@BUDGET
@given(st.lists(MESSAGES | JSON, max_size=3))
@example([{"kind": "ack", "keys": 1, "level": 1}])
def test_a_batch_of_the_page(batch: list[Any]) -> None:
    half = InboundPipeline("haby", 51, None, None, None, now=time.time)  # type: ignore[arg-type]  # nothing is journalled here
    items = to_items(batch)
    assert len(items) == len(batch)  # nothing is dropped
    for item in items:
        if not isinstance(item, IncomingMessage):
            continue
        record = half._record(item)
        message = body_of(item, 51, (), late=True)
        event = EventBody(kind=OWN_MESSAGE, at=instant(record.timestamp), chat=record.chat, message=message)
        for stream, model, body in ((Stream.IN, Inbound, record.body), (Stream.EVENT, Event, event.to_json())):
            text = in_stream(stream, "haby", "epoch", 1, body).encode("utf-8").decode("utf-8")
            assert json.loads(text, parse_constant=pytest.fail)["session"] == "haby"
            model.model_validate_json(text)
