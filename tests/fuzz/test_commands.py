"""Any input over MQTT or as a webhook is accepted, or refused with an error that has a code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.commands import SendCommand, parse_json, parse_text
from bridge.contract.controls import ControlCommand
from bridge.contract.errors import CodedError, InvalidRequest, TooLarge
from bridge.contract.kinds import MAX_TEXT
from bridge.contract.payload import StrictPayload
from bridge.contract.replays import ReplayRequest
from bridge.core.results import Rejection, rejected
from responder.incoming import of_webhook
from tests.fuzz.values import ADDRESSES, ANY_TEXT, BUDGET, JSON, nearly, written

COMMANDS = nearly(
    {
        "v": st.just(1),
        "id": ANY_TEXT,
        "to": ADDRESSES,
        "message": ANY_TEXT,
        "ttl": st.integers(-1, 2**40),
        "expires_at": st.sampled_from(["2026-01-31T12:00:00Z", "2026-13-31T12:00:00Z", "0001-01-01T00:00:00+23:59"]),
        "priority": st.sampled_from(["human", "reply", "bulk", "x"]),
        "reply_topic": ANY_TEXT,
        "transaction": ANY_TEXT,
        "meta": JSON,
        "action": st.sampled_from(["init", "close", "logout"]),
        "phone": ADDRESSES,
        "request": ANY_TEXT,
        "reader": ANY_TEXT,
        "after": nearly({"epoch": ANY_TEXT, "seq": st.integers()}),
        "limit": st.integers(0, 10_000),
        "stream": st.sampled_from(["in", "event", "out"]),
    }
)
PAYLOADS = st.one_of(st.binary(max_size=200), COMMANDS.map(written), JSON.map(written), st.just(b"[" * 100_000))


@pytest.mark.parametrize("model", [SendCommand, ControlCommand, ReplayRequest])
@BUDGET
@given(payload=PAYLOADS)
def test_a_json_payload(model: type[StrictPayload], payload: bytes) -> None:
    command: StrictPayload | CodedError
    try:
        command = parse_json(model, payload)
    except (InvalidRequest, TooLarge) as error:
        command = error
    if isinstance(command, CodedError):
        answer = rejected("haby", "made", Rejection("wa/haby/out", "0" * 64), command, 1.7e9).to_json()
        assert json.loads(answer.encode("utf-8"))["error"]["code"] == command.code
        return
    if isinstance(command, SendCommand):
        assert len(command.content_hash) == 64
        assert command.expiry(1.7e9) is None or isinstance(command.expiry(1.7e9), float)
        json.dumps(command.meta, ensure_ascii=False, allow_nan=False).encode("utf-8")
    command.model_dump_json().encode("utf-8")


@BUDGET
@given(digits=st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True), payload=st.binary(max_size=200))
def test_a_plain_text_payload(digits: str, payload: bytes) -> None:
    try:
        command = parse_text(digits, payload)
    except (InvalidRequest, TooLarge):
        return
    assert 0 < len(command.content.summary) <= MAX_TEXT
    command.content.summary.encode("utf-8")


@BUDGET
@given(
    nearly(
        {
            "id": ANY_TEXT,
            "from": ADDRESSES,
            "chat": ADDRESSES,
            "author": ADDRESSES,
            "body": ANY_TEXT,
            "type": st.just("chat"),
            "timestamp": st.integers(0, 2**40),
            "from_pn": ADDRESSES,
            "cliente_id": st.just(51),
            "notify_name": ANY_TEXT,
            "mentions": st.lists(ADDRESSES, max_size=3),
        }
    )
)
def test_a_webhook_of_a_legacy_sender(fields: dict[str, object]) -> None:
    try:
        arrival = of_webhook("haby", fields, 51)
    except (KeyError, TypeError, ValueError, CodedError):  # what its route answers with 400
        return
    arrival.text.encode("utf-8")
    assert len(arrival.message_id) <= 255
