"""Spellings of a number, country by country."""

from __future__ import annotations

import pytest

from bridge.contract.phone_numbers import candidates


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
        # Brazil: mobiles only, with and without the ninth digit
        ("5511955500001", ["5511955500001"]),  # the eight digits after the 9 would be a landline's
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


@pytest.mark.parametrize("number", ["541155500001", "54111555500001", "5215555500001", "551165500001"])
def test_every_spelling_has_the_same_candidates(number: str) -> None:
    proposed = set(candidates(number))
    assert all(set(candidates(spelling)) == proposed for spelling in proposed)
