"""Addresses: every accepted spelling of a recipient, and invalid ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid, MessageKey, mask, parse_recipient

ANA = "5491155500001@c.us"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5491155500001", ANA),
        ("+5491155500001", ANA),
        ("+54 9 11 5550-0001", ANA),
        ("(54911) 5550 0001", ANA),
        ("005491155500001", ANA),
        (" 54.911.5550.0001\n", ANA),
        ("54\u00a0911\u20115550\u20100001", ANA),  # no-break space and hyphens, as phones copy them
        ("\u202a+5491155500001\u202c", ANA),  # the direction marks of a copied contact
        (ANA, ANA),
        ("5491155500001@s.whatsapp.net", ANA),
        ("5491155500001:12@s.whatsapp.net", ANA),
        ("123456789012345@lid", "123456789012345@lid"),
        ("123456789012345:3@lid", "123456789012345@lid"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        ("5491155500001-1400000000@g.us", "5491155500001-1400000000@g.us"),
    ],
)
def test_a_recipient_in_any_spelling_has_one_normal_form(text: str, expected: str) -> None:
    assert str(parse_recipient(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "hola",
        "1234",
        "1234567890123456",
        "54911555O0001",
        "٥٤٩١١٥٥٥٠٠٠٠١",
        "5491155500001;rm",
        "@",
        "@c.us",
        "5491155500001@",
        "5491155500001@C.US",
        "a@b@c",
        "5491155500001@c.us@c.us",
        "54 911@c.us",
        "status@broadcast",
        "1234567890@broadcast",
        "120363000000000009@newsletter",
        "hola@c.us",
        "0@c.us",
        "5491155500001@example.com",
        "5491155500001\x00",
        "\ud800",
        "true_5491155500001@c.us_3EB0",
        "x" * 100_000,
    ],
)
def test_an_invalid_recipient_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_recipient(text)
    assert 20 < len(refused.value.text) < 300
    refused.value.text.encode()  # it is published, so it has no lone surrogates


@given(st.text() | st.from_regex(r"[0-9+() .:@_a-z-]{0,30}@?(c\.us|lid|g\.us|s\.whatsapp\.net)?"))
def test_parsing_raises_nothing_else_and_its_result_is_stable(text: str) -> None:
    for parse in (Jid.parse, parse_recipient):
        try:
            parsed = parse(text)
        except InvalidRequest:
            continue
        assert parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "conversation"),
    [
        (ANA, True),
        ("123456789012345@lid", True),
        ("120363000000000001@g.us", True),
        ("5491155500001@hosted", True),
        ("5491155500001@interop", True),
        ("status@broadcast", False),
        ("5491155500001@broadcast", False),
        ("120363000000000009@newsletter", False),
        ("0@c.us", False),
    ],
)
def test_statuses_newsletters_and_the_service_itself_are_no_conversations(text: str, conversation: bool) -> None:
    assert Jid.parse(text).is_conversation is conversation


def test_kinds_of_addresses() -> None:
    user, lid, group, status = map(Jid.parse, (ANA, "1@lid", "1-2@g.us", "status@broadcast"))
    assert [user.is_user, lid.is_user, group.is_user, status.is_user] == [True, False, False, False]
    assert [user.is_lid, lid.is_lid] == [False, True]
    assert [user.is_group, group.is_group] == [False, True]


_jids = st.builds(
    Jid, st.from_regex(r"[0-9A-Za-z.-]{1,30}", fullmatch=True), st.sampled_from(["c.us", "lid", "g.us", "broadcast"])
)


@given(st.booleans(), _jids, st.from_regex(r"[0-9A-F]{1,40}", fullmatch=True), st.none() | _jids)
def test_a_message_key_survives_its_serialized_form(
    from_me: bool, remote: Jid, raw_id: str, participant: Jid | None
) -> None:
    key = MessageKey(from_me, remote, raw_id, participant)
    assert MessageKey.parse(str(key)) == key
    assert key.under(Jid("9", "lid")).id == raw_id


@pytest.mark.parametrize(
    "text", ["", "x", "true", "true_5491155500001@c.us", "yes_1@c.us_A", "true_1@c.us_", "true__A"]
)
def test_an_invalid_message_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        MessageKey.parse(text)


def test_a_masked_address_shows_four_characters() -> None:
    assert mask(ANA) == Jid.parse(ANA).masked == "…0001@c.us"
    assert mask("5491155500001") == "…0001"
