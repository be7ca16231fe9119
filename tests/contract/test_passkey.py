"""Answers to a passkey request: what is refused before WhatsApp sees it. Real answers are in tests/drivers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.details import PasskeyDetail
from bridge.contract.errors import CodedError, InvalidRequest, Refused
from bridge.contract.passkey import check_answer, console_line, normal_code
from tests.passkey_answers import OPTIONS, SITE, answer


def test_an_answer_to_the_request_is_taken() -> None:
    check_answer(answer(), OPTIONS, SITE)
    check_answer(answer(challenge="Y2hhbGxlbmdl="), OPTIONS, SITE)


@pytest.mark.parametrize(
    ("given_answer", "detail"),
    [
        (answer(origin="https://web.whatsapp.com.example.org"), PasskeyDetail.ORIGIN),
        (answer(challenge="b2xk"), PasskeyDetail.OUTDATED),
        (answer(type="webauthn.create"), PasskeyDetail.MALFORMED),
        (answer() | {"type": "password"}, PasskeyDetail.MALFORMED),
        (answer() | {"rawId": None}, PasskeyDetail.MALFORMED),
        (answer() | {"response": {}}, PasskeyDetail.MALFORMED),
        (answer() | {"response": None}, PasskeyDetail.MALFORMED),
        ({}, PasskeyDetail.MALFORMED),
    ],
)
def test_what_cannot_be_the_answer_is_invalid(given_answer: dict[str, Any], detail: PasskeyDetail) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_answer(given_answer, OPTIONS, SITE)
    assert refused.value.detail == detail


def test_the_refusal_of_a_browser_is_passed_on() -> None:
    with pytest.raises(Refused, match="NotAllowedError") as refused:
        check_answer({"error": "NotAllowedError: timed out"}, OPTIONS, SITE)
    assert refused.value.detail == PasskeyDetail.NOT_GIVEN


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5
)


@given(
    st.dictionaries(st.sampled_from(["id", "rawId", "type", "response"]), _JSON),
    st.dictionaries(st.sampled_from(["clientDataJSON", "signature", "authenticatorData"]), _JSON),
)
def test_any_json_is_answered_with_a_code(fields: dict[str, Any], response: dict[str, Any]) -> None:
    with pytest.raises(CodedError):
        check_answer({**fields, "response": response}, OPTIONS, SITE)


def test_a_code_is_read_in_every_spelling() -> None:
    assert normal_code(" abcd-12 34") == "ABCD1234"


def test_the_line_is_one_line() -> None:
    line = console_line({"challenge": "a\n\u2028'\"`</script>"})
    assert line.isascii()
    assert line.isprintable()
