"""Spellings of a number, country by country."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.commands import SendCommand, parse_json
from bridge.contract.controls import ControlCommand
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid, canonical_address, parse_recipient
from bridge.contract.phone_numbers import candidates, canonical
from bridge.contract.requests import request_of


@pytest.mark.parametrize(
    ("number", "spellings"),
    [
        # Argentina: the mobile form first, whatever was written
        ("5491155500001", ["5491155500001", "541155500001"]),
        ("541155500001", ["5491155500001", "541155500001"]),
        ("54111555500001", ["5491155500001", "541155500001"]),  # +54 11 15 5550-0001
        ("549111555500001", ["5491155500001", "541155500001"]),
        ("540111555500001", ["5491155500001", "541155500001"]),  # +54 011 15 5550-0001, as it is dialled at home
        ("54351155550001", ["5493515550001", "543515550001"]),  # an area code of three digits
        ("54295415550001", ["5492954550001", "542954550001"]),  # of four
        ("543515550001", ["5493515550001", "543515550001"]),
        ("541115550001", ["5491115550001", "541115550001"]),  # ten digits: this 15 belongs to the subscriber
        ("54111655500001", ["54111655500001"]),  # twelve without a 15: no variant known
        # Mexico: as written first
        ("525555500001", ["525555500001", "5215555500001"]),
        ("5215555500001", ["5215555500001", "525555500001"]),
        ("520445555500001", ["5215555500001", "525555500001"]),  # +52 044 55 5550-0001, as it is dialled at home
        ("520455555500001", ["5215555500001", "525555500001"]),
        ("52015555500001", ["5215555500001", "525555500001"]),
        # Brazil: mobiles only, with and without the ninth digit
        ("5511955500001", ["5511955500001", "551155500001"]),  # São Paulo has mobiles that begin with 5
        ("551155500001", ["551155500001", "5511955500001"]),
        ("5521955500001", ["5521955500001"]),  # elsewhere the eight digits after the 9 would be a landline's
        ("5511965500001", ["5511965500001", "551165500001"]),
        ("551165500001", ["551165500001", "5511965500001"]),
        ("551145500001", ["551145500001"]),
        # elsewhere, and too short
        ("34600500001", ["34600500001"]),
        ("15550001", ["15550001"]),
        ("54115550", ["54115550"]),
    ],
)
def test_spellings(number: str, spellings: list[str]) -> None:
    assert list(candidates(number)) == spellings


# `~` marks a spelling that only an account of that country understands.
@st.composite
def people(draw: st.DrawFn) -> tuple[str, str, tuple[str, ...]]:
    """The number as WhatsApp registers it, the number of an account in that country, and the spellings."""
    match draw(st.sampled_from(["AR", "MX", "BR", "ES"])):
        case "AR":
            area = draw(st.sampled_from(["11", "351", "221", "2954", "3327"]))
            line = draw(st.from_regex(rf"[2-9][0-9]{{{9 - len(area)}}}", fullmatch=True))
            return f"549{area}{line}", "5491155500009", (
                *(f"549{area}{line}", f"54{area}{line}", f"54{area}15{line}", f"549{area}15{line}"),
                *(f"540{area}15{line}", f"5490{area}{line}", f"~0{area}15{line}", f"~0{area}{line}"),
            )  # fmt: skip
        case "MX":
            line = draw(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True))
            at_home = (f"~044{line}", f"~045{line}", f"~01{line}")
            return f"521{line}", "5215555500009", (
                *(f"52{line}", f"521{line}", f"52044{line}", f"52045{line}", f"5201{line}"),
                *at_home,
            )  # fmt: skip
        case "BR":
            area = draw(st.from_regex(r"[1-9][1-9]", fullmatch=True))
            line = draw(st.from_regex(rf"[{'5' if area == '11' else '6'}-9][0-9]{{7}}", fullmatch=True))
            return f"55{area}9{line}", "5511965500009", (
                *(f"55{area}9{line}", f"55{area}{line}", f"~0{area}9{line}", f"~0{area}{line}"),
            )  # fmt: skip
        case _:
            number = draw(st.from_regex(r"34[6-9][0-9]{8}", fullmatch=True))
            return number, "34600500009", (number,)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str, str]:
    """A number, an account, and a spelling with signs between its digits, a prefix, or as an address."""
    number, own, forms = draw(people())
    spelling = draw(st.sampled_from(forms))
    digits = spelling.removeprefix("~")
    if spelling == digits and draw(st.booleans()):
        return number, own, f"{digits}@{draw(st.sampled_from(['c.us', 's.whatsapp.net']))}"
    signs = st.text(" .-()\u00a0\u2011", max_size=2)
    prefix = draw(st.sampled_from(["", "+", "00"])) if spelling == digits else ""
    return number, own, prefix + "".join(one + draw(signs) for one in digits)


@given(spellings(), spellings())
def test_every_spelling_of_a_send_is_one_person_in_a_request_too(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    found = []
    for _, own, spelling in (one, other):
        sent = parse_json(SendCommand, json.dumps({"to": spelling, "message": "Hola"}).encode()).sent_from(own)
        request = request_of("typing", {"to": spelling}).sent_from(own)
        assert request.addresses["to"] == sent.recipient
        found.append(sent.recipient.canonical)
    assert (found[0] == found[1]) is (one[0] == other[0])
    assert str(found[0]) == canonical_address(f"{one[0]}@c.us")


@given(st.from_regex(r"(54|549|52|521|55|1|34)[0-9]{5,12}", fullmatch=True))
def test_the_compared_form_is_that_of_every_candidate(number: str) -> None:
    proposed = candidates(number)
    assert {canonical(form) for form in (number, *proposed)} == {canonical(number)}
    assert all(set(candidates(form)) == set(proposed) for form in proposed)


def test_other_addresses_are_compared_as_they_are() -> None:
    for address in ("188000000000002@lid", "120363000000000001@g.us", "541155500001@hosted", "no address"):
        assert canonical_address(address) == address


@pytest.mark.parametrize(
    ("text", "own", "number"),
    [
        ("011 15 5550-0002", "5491155500001", "5491155500002"),
        ("0351 15 555 0001", "5491155500001", "5493515550001"),
        ("011 5550-0002", "541155500001", "5491155500002"),
        ("044 55 5550 0001", "5215555500009", "5215555500001"),
        ("01 55 5550 0001", "525555500009", "5215555500001"),
        ("0 11 96550-0001", "5511965500009", "5511965500001"),
    ],
)
def test_a_number_as_it_is_dialled_at_home_is_sent_in_the_accounts_country(text: str, own: str, number: str) -> None:
    assert parse_recipient(text, own) == Jid.parse(f"{number}@c.us")
    command = parse_json(SendCommand, json.dumps({"to": text, "message": "Hola"}).encode())
    assert str(command.sent_from(own).recipient) == f"{number}@c.us"
    with pytest.raises(InvalidRequest, match="country code"):
        _ = command.sent_from(None).recipient


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("011 15 5550-0002", None),  # which country's?
        ("011 15 5550-0002", "34600500001"),  # no rules are known
        ("011 5550", "5491155500001"),
        ("0 55 5550 0001", "5215555500009"),
        ("0155500001@c.us", "5491155500001"),
        ("000 5491155500001", None),
    ],
)
def test_no_country_code_begins_with_0(text: str, own: str | None) -> None:
    with pytest.raises(InvalidRequest, match=r"international form|country code"):
        parse_recipient(text, own)


@pytest.mark.parametrize("phone", ["541155500001", "+54 11 15 5550-0001", "5491155500001"])
def test_a_pairing_code_is_requested_for_the_registered_form(phone: str) -> None:
    assert ControlCommand(action="init", phone=phone).phone == "5491155500001"  # type: ignore[arg-type]
