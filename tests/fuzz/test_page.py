"""Any batch of the page becomes messages and ticks, and then JSON that every reader can parse."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.contract.events import OWN_MESSAGE, Event, EventBody
from bridge.contract.messages import Inbound, Qr, Stream, in_stream
from bridge.contract.payload import instant
from bridge.contract.session import Situation
from bridge.core.conversion import body_of
from bridge.core.inbound import InboundPipeline
from bridge.core.qr_image import qr_png
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.page_state import StateReporter
from bridge.drivers.web.payloads import to_items
from bridge.drivers.web.snapshot import Snapshot
from bridge.ports import Account, IncomingMessage, PairingCode
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


STATES = nearly(
    {
        "load": ANY_TEXT,
        "holds": st.integers(),
        **{name: st.booleans() for name in ("injected", "ready", "fullReady", "authenticated", "unpaired", "complete")},
        **{name: st.sampled_from(["CONNECTED", "MAIN", "UNPAIRED_IDLE", ""]) for name in ("socket", "line", "stream")},
        "refusal": nearly({"kind": st.just("temporary_ban"), "code": JSON, "until": st.integers() | st.floats()}),
        "passkey": nearly({"origin": ANY_TEXT, "until": st.floats(), "options": JSON, "code": ANY_TEXT}),
        "missing": st.lists(ANY_TEXT),
        **dict.fromkeys(("code", "linkCode", "linkError", "visibleText", "logoutReason"), ANY_TEXT),
        **{name: st.integers() | st.floats() for name in ("codeUntil", "linkUntil", "unixTime", "pairedAt", "onClock")},
        **dict.fromkeys(("pn", "lid"), ADDRESSES),
    }
)


@pytest.mark.timeout(180)  # a failure is shrunk before it is reported
@BUDGET
@given(st.lists(STATES | st.dictionaries(ANY_TEXT, JSON), max_size=4))
@example([{"load": "L", "holds": "abc"}])
@example([{"authenticated": True, "injected": True, "refusal": {"kind": "temporary_ban", "until": 10**30}}])
def test_a_report_of_the_page(states: list[dict[str, Any]]) -> None:
    reporter = StateReporter(Limits())
    for state in states:
        snapshot = Snapshot.of(state)
        for report in reporter.update(snapshot, 1_764_000_000.0):
            match report:
                case PairingCode(code, until):
                    Qr(session="haby", code=code, expires_at=instant(until)).to_json()
                    assert qr_png(code)
                case Account() as account:
                    assert account.paired_at is None or isinstance(account.paired_at, int)
                case Situation() as situation:
                    assert isinstance(situation.text, str)


@pytest.mark.timeout(180)  # a failure is shrunk before it is reported
@BUDGET
@given(st.lists(MESSAGES | JSON, max_size=3))
@example([{"kind": "ack", "keys": 1, "level": 1}])
def test_a_batch_of_the_page(batch: list[Any]) -> None:
    half = InboundPipeline("haby", 51, None, None, None, None, now=time.time)  # type: ignore[arg-type]  # nothing is journalled here
    items = to_items(batch)
    assert len(items) == len(batch)  # nothing is dropped
    for item in items:
        if not isinstance(item, IncomingMessage):
            continue
        record = half._record(item, None)
        message = body_of(item, 51, (), None, late=True)
        event = EventBody(kind=OWN_MESSAGE, at=instant(record.timestamp), chat=record.chat, message=message)
        for stream, model, body in ((Stream.IN, Inbound, record.body), (Stream.EVENT, Event, event.to_json())):
            text = in_stream(stream, "haby", "epoch", 1, body).encode("utf-8").decode("utf-8")
            assert json.loads(text, parse_constant=pytest.fail)["session"] == "haby"
            model.model_validate_json(text)
