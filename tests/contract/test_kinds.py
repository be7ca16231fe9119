"""Content: exactly one in a command, the same identity as ever, and back from the store as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.commands import SendCommand, checked, content_of, parse_json
from bridge.contract.errors import InvalidRequest
from bridge.contract.kinds import KINDS, Text, dump_content, load_content
from bridge.contract.messages import MessageContent
from bridge.contract.modifiers import NO_MODIFIERS
from bridge.contract.payload import valid_text

TO = "5491155500001"


def command(**fields: Any) -> SendCommand:
    return parse_json(SendCommand, json.dumps({"to": TO, **fields}).encode())


def test_a_text_is_the_same_command_as_before_there_were_kinds() -> None:
    """Ids are remembered for 30 days: an upgrade must not send them again."""
    assert command(message="Hola").content_hash == "e7100db18c3c9c7672fb39625e3a5df78fdd93d2bb7561c4e33f502ff06450db"
    assert command(message="Hola").content.identity == ["text", "Hola"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "message is missing"),
        ({"message": None}, "message is missing"),
        ({"message": "Hola", "location": {"latitude": 1, "longitude": 2}}, "one content, not location and message"),
        ({"location": {"latitude": 91, "longitude": 0}}, "location.latitude"),
        ({"location": {"latitude": "1", "longitude": 0}}, "location.latitude"),
        ({"location": {"latitude": 1}}, "location.longitude is missing"),
        ({"location": {"latitude": 1, "longitude": 0, "zoom": 3}}, "location.zoom is not a known field"),
        ({"location": "here"}, "location: "),
        ({"contacts": []}, "contacts: "),
        ({"contacts": [{"name": " ", "phone": TO}]}, "contacts.0.name: "),
        ({"contacts": [{"name": "Ana", "phone": "120363000000000000@g.us"}]}, "phone must be a phone number"),
        ({"contacts": [{"name": "Ana"}]}, "a contact has a name and a phone, or a vcard"),
        ({"contacts": [{"name": "Ana", "phone": "hola"}]}, "is not a phone number"),
        ({"contacts": [{"name": "Ana", "phone": TO}] * 21}, "contacts: "),
    ],
)
def test_wrong_content_is_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        command(**fields)
    assert said in refused.value.text


def test_a_number_beyond_all_numbers_is_no_place() -> None:
    with pytest.raises(InvalidRequest):
        parse_json(SendCommand, b'{"to": "5491155500001", "location": {"latitude": 1e999, "longitude": 0}}')


VALUES = st.one_of(
    st.builds(lambda text: ("message", text), st.text(min_size=1).filter(str.strip)),
    st.builds(
        lambda lat, lng, name: ("location", {"latitude": lat, "longitude": lng, "name": name}),
        st.floats(-90, 90),
        st.floats(-180, 180),
        st.text(max_size=20),
    ),
    st.builds(
        lambda names: ("contacts", [{"name": name, "phone": TO} for name in names]),
        st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=20),
    ),
)


@given(VALUES)
def test_content_comes_back_from_the_store_as_it_was(named: tuple[str, Any]) -> None:
    field, value = named
    try:
        content = content_of(field, value)
    except InvalidRequest:
        return  # a NUL or half a surrogate pair
    again, _ = load_content(dump_content(content, NO_MODIFIERS))
    assert again == content
    assert again.identity == content.identity
    assert checked(SendCommand, {"to": TO, **content.as_field()}).content == content


def test_erased_content_is_an_empty_text() -> None:
    assert isinstance(load_content("")[0], Text)
    assert load_content("")[0].summary == ""


def test_a_kind_without_a_command_line_form_says_so() -> None:
    assert [kind.kind for kind in KINDS if not kind.metavar] == ["text"]
    with pytest.raises(ValueError, match="has no command-line form"):
        Text.from_option("Hola")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"contacts": [{"name": "Ana", "phone": "+54 9 11 5550-0001"}]},
            {"contacts": [{"name": "Ana", "phone": "5491155500001"}]},
        ),
        ({"location": {"latitude": 0.0, "longitude": 1}}, {"location": {"latitude": -0.0, "longitude": 1.0}}),
    ],
)
def test_another_spelling_is_the_same_command(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert command(**one).content_hash == command(**other).content_hash


@pytest.mark.parametrize(
    ("vcard", "name", "phone"),
    [
        ("BEGIN:VCARD\nFN:Ana\nTEL;type=CELL;waid=5491155500001:+54 9 11 5550-0001\nEND:VCARD", "Ana", "5491155500001"),
        (
            "BEGIN:VCARD\r\nitem1.TEL:(011) 15 5550-0001\r\nFN:P\\, S\\;\r\n ol\r\nEND:VCARD",
            "P, S;ol",
            "(011) 15 5550-0001",
        ),
        ("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Mu=C3=B1oz\nTEL:\nTEL:123", "Muñoz", "123"),
        ("fn:\nFN: Otro \ntel;waid=12:9", "Otro", "9"),
        ("no card at all", None, None),
        ("", None, None),
    ],
)
def test_a_received_card_is_read_also_where_it_is_a_text(vcard: str, name: str | None, phone: str | None) -> None:
    """Journals of older bridges, and their readers' stores, have texts."""
    content = MessageContent.model_validate({"contacts": [vcard]})
    assert content.contacts is not None
    [card] = content.contacts
    assert (card.name, card.phone, card.vcard) == (name, phone, vcard)
    assert MessageContent.model_validate_json(content.model_dump_json()) == content


@given(st.text())
def test_any_text_is_a_card(text: str) -> None:
    contacts = MessageContent.model_validate({"contacts": [text]}).contacts
    assert contacts is not None
    assert [card.vcard for card in contacts] == [valid_text(text)]
