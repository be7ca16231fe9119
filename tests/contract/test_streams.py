"""A stored body with its position is the payload that the model describes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.events import OWN_MESSAGE, Event, EventBody
from bridge.contract.messages import Inbound, MessageBody, Stream, in_stream
from tests.contract.payloads import ANA, AT, EPOCH, rich, text

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # with NUL and lone surrogates


@given(ANY_TEXT, st.none() | ANY_TEXT, st.integers(1, 2**53))
def test_an_inbound_message_in_its_stream_is_the_inbound_model(body: str, name: str | None, seq: int) -> None:
    stored = text(body=body, notify_name=name).to_json()
    written = in_stream(Stream.IN, "haby", EPOCH, seq, stored)
    read = Inbound.model_validate_json(written)
    assert (read.session, read.epoch, read.seq, read.cliente_id) == ("haby", EPOCH, seq, 51)
    assert json.loads(read.to_json()) == json.loads(written)


def test_an_event_in_its_stream_is_the_event_model() -> None:
    stored = EventBody(kind=OWN_MESSAGE, at=AT, chat=ANA, message=rich()).to_json()
    written = in_stream(Stream.EVENT, "haby", EPOCH, 7, stored)
    read = Event.model_validate_json(written)
    assert (read.event_seq, read.message) == (7, rich())
    assert json.loads(read.to_json()) == json.loads(written)


@given(ANY_TEXT)
def test_any_text_of_the_page_can_be_published(said: str) -> None:
    # otherwise one bad character in any field would block all later messages
    body = MessageBody(
        id=said,
        **{"from": said},
        chat=said,
        author=said,
        from_pn=said,
        from_lid=said,
        body=said,
        type=said,
        timestamp=1,
        cliente_id=51,
        notify_name=said,
        late=False,
        mentions=[said],
        contacts=[said],
        quoted={"id": said, "author": said, "body": said},
        media={"mimetype": said, "filename": said},
        location={"latitude": 0, "longitude": 0, "name": said},
    )
    shown = MessageBody.model_validate_json(body.to_json())
    assert shown.body == "".join("\ufffd" if char == "\0" or "\ud800" <= char <= "\udfff" else char for char in said)
