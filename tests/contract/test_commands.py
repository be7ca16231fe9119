"""Raw bytes become a command, or a refusal whose sentence names the field; no other error is raised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.commands import CancelCommand, Priority, SendCommand, parse_json, parse_out, parse_text
from bridge.contract.controls import ControlAction, ControlCommand
from bridge.contract.details import InvalidDetail
from bridge.contract.errors import CodedError, InvalidRequest, TooLarge
from bridge.contract.kinds import MAX_TEXT
from bridge.contract.messages import ErrorInfo, Result, ResultStatus, Stream
from bridge.contract.payload import StrictPayload, instant
from bridge.contract.replays import ReplayRequest
from bridge.contract.status import SessionStatus
from tests.contract.test_golden import GOLDEN

TO = "5491155500001"


def send(**fields: Any) -> bytes:
    return json.dumps({"to": TO, "message": "Hola", **fields}).encode()


def raw(rest: str) -> bytes:
    return f'{{"to": "{TO}", "message": "Hola", {rest}}}'.encode()


def test_to_and_message_are_enough() -> None:
    command = parse_json(SendCommand, send())
    assert (command.id, command.ttl, command.priority, str(command.recipient)) == (
        None,
        3600,
        Priority.REPLY,
        f"{TO}@c.us",
    )


def test_a_byte_order_mark_is_no_error() -> None:
    command = parse_json(SendCommand, b"\xef\xbb\xbf" + send())
    assert command.to == TO


def test_a_command_with_everything() -> None:
    fields = {
        "v": 1,
        "id": "order-1",
        "ttl": 0,
        "expires_at": "2026-01-31T12:00:00.5+03:00",
        "priority": "bulk",
        "reply_topic": "wa/haby/reply/till",
        "transaction": "t",
        "meta": {"invoice": ["A", 1, None, {"x": 1.5}]},
    }
    command = parse_json(SendCommand, send(**fields))
    assert command.expires_at is not None
    assert command.expires_at.timestamp() == 1769850000.5
    assert command.meta == fields["meta"]
    assert [Priority.HUMAN.rank, Priority.REPLY.rank, Priority.BULK.rank] == [0, 1, 2]


BAD = {
    "not JSON": (b"Hola", "not JSON"),
    "nothing": (b"", "not JSON"),
    "cut off": (send()[:-1], "not JSON"),
    "not UTF-8": (b'{"to": "\xff"}', "not valid UTF-8"),
    "UTF-16": (send().decode().encode("utf-16"), "not valid UTF-8"),
    "a text": (b'"Hola"', "not an object"),
    "a list": (b"[]", "not an object"),
    "null": (b"null", "not an object"),
    "a number": (b"1", "not an object"),
    "an empty object": (b"{}", "to is missing; message is missing"),
    "no message": (b'{"to": "5491155500001"}', "message is missing"),
    "a typo": (send(tll=60), "tll is not a known field"),
    "a very long typo": (send(**{"x" * 500: 1}), "x is not a known field"),
    "half a character in a typo": (raw('"\\ud800": 1'), "Refused"),
    "a number as text": (send(message=1), "message: "),
    "a number as id": (send(id=7), "id: "),
    "an empty id": (send(id=""), "id: "),
    "a long id": (send(id="x" * 129), "id: "),
    "text as ttl": (send(ttl="60"), "ttl: "),
    "half a second": (send(ttl=0.5), "ttl: "),
    "true as ttl": (send(ttl=True), "ttl: "),
    "a negative ttl": (send(ttl=-1), "ttl: "),
    "a ttl without end": (send(ttl=10**30), "ttl: "),
    "an empty text": (send(message=""), "message: is empty"),
    "only spaces": (send(message=" \n\t"), "message: is empty"),
    "NUL": (raw('"meta": 1, "message": "a\\u0000"'), "message: holds a NUL"),
    "half a surrogate pair": (raw('"message": "a\\ud83d"'), "half a surrogate pair"),
    "half a surrogate pair in meta": (raw('"meta": [{"\\udfff": 1}]'), "meta: holds a NUL or half"),
    "a wrong number": (send(to="hola"), "is not a phone number"),
    "a status": (send(to="status@broadcast"), "not to @broadcast"),
    "another priority": (send(priority="urgent"), "priority: "),
    "a time without zone": (send(expires_at="2026-01-31T12:00:00"), "timezone"),
    "a unix time": (send(expires_at=1769850000), "must be a time such as"),
    "a unix time as text": (send(expires_at="1769850000"), "must be a time such as"),
    "another version": (send(v=2), "v: "),
    "NaN": (raw('"meta": NaN'), "NaN is not allowed"),
    "infinity": (raw('"ttl": -Infinity'), "-Infinity is not allowed"),
    "infinity by overflow": (raw('"meta": 1e999'), "meta: "),
    "a number of 5,000 digits": (raw(f'"meta": {"9" * 5000}'), "not JSON"),
    "deep nesting": (raw(f'"meta": {"[" * 65}{"]" * 65}'), "nested deeper than 64"),
    "deeper nesting": (raw(f'"meta": {"[" * 900}{"]" * 900}'), "nested deeper than 64"),
    "the deepest nesting": (raw(f'"meta": {"[" * 100_000}{"]" * 100_000}'), "not JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_sentence_that_names_it(name: str) -> None:
    payload, said = BAD[name]
    with pytest.raises(InvalidRequest) as refused:
        parse_json(SendCommand, payload)
    assert said in refused.value.text
    ErrorInfo(code=refused.value.code, text=refused.value.text, transient=False).to_json()


@pytest.mark.parametrize(
    ("to", "detail"),
    [
        ("hola", InvalidDetail.NOT_A_PHONE_NUMBER),
        ("ana@c.us", InvalidDetail.NOT_A_PHONE_NUMBER),
        ("status@broadcast", InvalidDetail.NOT_A_RECIPIENT),
        ("@@", InvalidDetail.NOT_A_RECIPIENT),
    ],
)
def test_a_wrong_recipient_has_a_detail_code(to: str, detail: InvalidDetail) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_json(SendCommand, send(to=to))
    assert refused.value.detail is detail


def test_the_detail_code_of_a_validator_is_kept() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_json(ControlCommand, b'{"action": "init", "phone": "hola"}')
    assert refused.value.detail is InvalidDetail.NOT_A_PHONE_NUMBER


def test_an_error_without_a_detail_code_has_no_such_field() -> None:
    error = ErrorInfo(code="invalid", text="…", transient=False)
    assert "detail_code" not in error.to_json()
    assert '"detail_code":"no_such_chat"' in error.model_copy(update={"detail_code": "no_such_chat"}).to_json()


def test_the_ttl_counts_from_the_time_of_a_send_even_a_past_one() -> None:
    command = parse_json(SendCommand, send(send_at="2026-01-31T12:00:00-03:00", ttl=60))
    at = datetime(2026, 1, 31, 15, tzinfo=UTC).timestamp()
    assert (command.expiry(at - 5000), command.expiry(at + 5000)) == (at + 60, at + 60)
    assert parse_json(SendCommand, send(send_at="2026-01-31T15:00:00Z", ttl=0)).expiry(at) is None


def test_the_time_of_a_send_is_no_part_of_its_identity() -> None:
    assert parse_json(SendCommand, send(send_at="2026-01-31T12:00:00Z")).content_hash == (
        parse_json(SendCommand, send()).content_hash
    )


def test_a_payload_of_out_is_a_send_or_a_cancel() -> None:
    assert isinstance(parse_out(send()), SendCommand)
    assert parse_out(b'{"cancel": "order-17"}') == CancelCommand(cancel="order-17")
    with pytest.raises(InvalidRequest, match="message is not a known field"):
        parse_out(send(cancel="order-17"))


@pytest.mark.parametrize("payload", [b"Hola", b'"Hola"', b"54 9"])
def test_plain_text_on_the_topic_of_commands_says_where_it_goes(payload: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"Plain text goes to wa/<session>/out/NUMBER\.$"):
        parse_out(payload)
    with pytest.raises(InvalidRequest, match="not JSON: Expecting value: line 1 column 8"):
        parse_out(b'{"to": }')


def test_a_status_of_an_earlier_version_is_read() -> None:
    fields = json.loads((GOLDEN / "status-connected.json").read_text(encoding="utf-8"))
    assert SessionStatus.model_validate({**fields, "budget": 5}).budget is None


@pytest.mark.parametrize(
    "payload",
    [
        send(message="x" * (MAX_TEXT + 1)),
        send(message="😀" * (MAX_TEXT + 1)),
        b"{" * 10_000_000,
        send(meta="x" * 10**6),
    ],
    ids=["one character more", "one emoji more", "10 MB", "1 MB of meta"],
)
def test_a_too_large_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(TooLarge):
        parse_json(SendCommand, payload)


def test_the_longest_text_is_accepted_in_full() -> None:
    assert parse_json(SendCommand, send(message="😀" * MAX_TEXT)).content.summary == "😀" * MAX_TEXT
    assert parse_text(TO, ("😀" * MAX_TEXT).encode()).content.summary == "😀" * MAX_TEXT


def test_meta_of_sixty_four_levels_is_echoed() -> None:
    command = parse_json(SendCommand, raw(f'"meta": {"[" * 64}{"]" * 64}'))
    result = Result(session="haby", id="x", status=ResultStatus.SENT, at=instant(0), meta=command.meta)
    assert json.loads(result.to_json())["meta"] == command.meta


@pytest.mark.parametrize(
    ("digits", "payload", "kind"),
    [
        (TO, b"", InvalidRequest),
        (TO, b" \n", InvalidRequest),
        (TO, b"\xff\xfe", InvalidRequest),
        (TO, b"a\x00", InvalidRequest),
        (TO, "\ud800".encode("utf-8", "surrogatepass"), InvalidRequest),
        ("hola", b"Hola", InvalidRequest),
        (TO, b"x" * (MAX_TEXT + 1), TooLarge),
        (TO, b"x" * 10_000_000, TooLarge),
    ],
)
def test_bad_plain_text_is_refused(digits: str, payload: bytes, kind: type[CodedError]) -> None:
    with pytest.raises(kind):
        parse_text(digits, payload)


def test_plain_text_is_accepted_unchanged() -> None:
    text = ' {"to": 1} \n 😀 שלום'
    command = parse_text(TO, text.encode())
    assert (command.content.summary, str(command.recipient), command.id) == (text, f"{TO}@c.us", None)


@pytest.mark.parametrize(
    ("first", "other", "same"),
    [
        (send(), send(to=f"+{TO}"), True),
        (send(), send(to=f"{TO}@s.whatsapp.net"), True),
        (send(), send(id="x", ttl=5, priority="bulk", meta=1, transaction="t"), True),
        (send(), send(message="hola"), False),
        (send(), send(message="Hola "), False),
        (send(), send(to="5491155500002"), False),
    ],
)
def test_content_is_recipient_kind_and_text(first: bytes, other: bytes, same: bool) -> None:
    hashes = [parse_json(SendCommand, payload).content_hash for payload in (first, other)]
    assert (hashes[0] == hashes[1]) is same


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
        lambda value: json.dumps({"to": TO, "message": value, "meta": value}).encode()
    )
)
def test_no_input_raises_anything_but_a_refusal(payload: bytes) -> None:
    models: list[type[StrictPayload]] = [SendCommand, ControlCommand, ReplayRequest]
    for model in models:
        try:
            parse_json(model, payload)
        except (InvalidRequest, TooLarge) as error:
            ErrorInfo(code=error.code, text=error.text, transient=error.transient).to_json()


@pytest.mark.parametrize("action", ControlAction)
def test_control_actions(action: ControlAction) -> None:
    needed: dict[str, dict[str, Any]] = {"passkey": {"response": {"id": "x"}}, "passkey_confirm": {"code": "ABCD1234"}}
    command = {"action": action, "id": "c", **needed.get(action, {})}
    assert parse_json(ControlCommand, json.dumps(command).encode()).action is action


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b'{"action": "explode"}',
        b'{"action": "init", "now": true}',
        b'{"action": "passkey"}',
        b'{"action": "passkey", "response": "text"}',
        b'{"action": "passkey_confirm"}',
        b'{"action": "init", "code": "ABCD1234"}',
        b'{"action": "restart", "response": {}}',
    ],
)
def test_bad_control_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_json(ControlCommand, payload)


def test_a_replay_request_and_its_defaults() -> None:
    request = parse_json(ReplayRequest, b'{"request": "r", "reader": "till"}')
    assert (request.after, request.stream, request.limit) == (None, Stream.IN, 500)
    full = {
        "request": "r",
        "reader": "till",
        "stream": "event",
        "limit": 5000,
        "after": {"epoch": "e", "seq": 2**63 - 1},
    }
    assert parse_json(ReplayRequest, json.dumps(full).encode()).stream is Stream.EVENT


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"limit": 5001},
        {"stream": "ack"},
        {"reader": "a/b"},
        {"reader": "+"},
        {"reader": ""},
        {"after": {"epoch": "e", "seq": -1}},
        {"after": {"epoch": "e", "seq": 2**63}},
        {"after": 5},
        {"after": {"seq": 1}},
        {"request": ""},
        {"limits": 5},
    ],
)
def test_bad_replay_requests_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        parse_json(ReplayRequest, json.dumps({"request": "r", "reader": "till", **change}).encode())
