"""The tables: error codes, session states, the life of a send. Every pair of states is checked."""

from __future__ import annotations

import itertools
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract import errors, lifecycle, session
from bridge.contract.errors import ERRORS, BridgeError, CodedError, InternalError
from bridge.contract.lifecycle import FINAL, AckName, SendState, ack_name, after_ack, state_of_ack
from bridge.contract.session import LEGACY_STATUS, REASON_TEXT, IllegalTransition, Reason, SessionState, Situation

_S, _L = SessionState, SendState
LIVE = [_L.ACCEPTED, _L.SENDING, _L.SENT, _L.DEVICE, _L.READ, _L.PLAYED]


def test_every_code_is_one_class_with_a_sentence_and_a_status() -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BridgeError)]
    classes.remove(BridgeError)
    assert list(ERRORS.values()) == classes
    assert list(ERRORS) == [kind.code for kind in classes]
    for kind in classes:
        assert kind().text == kind.sentence
        assert str(kind("in other words")) == "in other words"
        assert 400 <= kind.http < 600
        assert kind.sentence.endswith(".")


def test_only_an_error_that_may_pass_is_a_server_error_or_a_limit() -> None:
    transient = {code for code, error in ERRORS.items() if error.transient}
    assert transient == {"not_connected", "reach_out_locked", "limit_reached", "internal"}
    assert CodedError().code == InternalError.code


@pytest.mark.parametrize(("before", "after"), list(product(SessionState, repeat=2)))
def test_each_pair_of_session_states_is_allowed_or_raises(before: SessionState, after: SessionState) -> None:
    start, end = Situation(before, Reason.READY), Situation(after, Reason.LINK_DOWN)
    allowed = before is after or after in session.ALWAYS or after in session.TRANSITIONS[before]
    if allowed:
        assert start.followed_by(end) is end
    else:
        with pytest.raises(IllegalTransition, match=f"{before} cannot be followed by {after}"):
            start.followed_by(end)


def test_false_states_are_not_reachable() -> None:
    into = {after: {before for before in _S if session.may_follow(before, after)} for after in _S}
    # `connected` is claimed only by an existing page; never directly after a start, a stop or a failure
    assert into[_S.CONNECTED] == {_S.CONNECTED, _S.CONNECTING, _S.AUTHENTICATED, _S.RECONNECTING}
    assert into[_S.STANDBY] == {_S.STANDBY, _S.STARTING}
    for resting in (_S.STOPPED, _S.OFFLINE, _S.ERROR, _S.STANDBY):
        assert {after for after in _S if session.may_follow(resting, after)} == session.ALWAYS | {resting}


def test_every_state_and_reason_has_a_text_and_a_legacy_status() -> None:
    assert set(session.TRANSITIONS) == set(LEGACY_STATUS) == set(SessionState)
    assert set(REASON_TEXT) == set(Reason)
    assert set(LEGACY_STATUS.values()) == {
        "iniciando",
        "autenticado",
        "conectado",
        "reconectando",
        "error",
        "desconectado",
    }
    assert Situation(_S.ERROR, Reason.STORE_UNUSABLE, "disk full").text.endswith("(disk full)")


def test_the_life_of_a_send() -> None:
    forward = {(one, other) for one, other in itertools.combinations(LIVE, 2) if one is not _L.ACCEPTED}
    expected = forward | {
        *((_L.ACCEPTED, after) for after in (_L.SENDING, _L.FAILED, _L.UNKNOWN)),
        *((_L.SENDING, after) for after in (_L.ACCEPTED, _L.FAILED, _L.UNKNOWN)),
        (_L.SENT, _L.FAILED),
        *((_L.UNKNOWN, after) for after in (_L.SENT, _L.DEVICE, _L.READ, _L.PLAYED)),
    }
    assert {pair for pair in product(SendState, repeat=2) if lifecycle.may_follow(*pair)} == expected
    assert set(SendState) - FINAL == {_L.ACCEPTED, _L.SENDING}


@pytest.mark.parametrize(
    ("level", "name", "state"),
    [
        (-7, AckName.ERROR, _L.FAILED),
        (-1, AckName.ERROR, _L.FAILED),
        (0, None, None),
        (1, AckName.SERVER, _L.SENT),
        (2, AckName.DEVICE, _L.DEVICE),
        (3, AckName.READ, _L.READ),
        (4, AckName.PLAYED, _L.PLAYED),
        (5, AckName.SERVER, _L.SENT),  # another own device has it, so the server has it
        (99, AckName.SERVER, _L.SENT),
    ],
)
def test_the_meaning_of_an_ack_number(level: int, name: AckName | None, state: SendState | None) -> None:
    assert (ack_name(level), state_of_ack(level)) == (name, state)


@given(st.sampled_from([_L.SENDING, _L.UNKNOWN]), st.lists(st.integers(-7, 6)))
def test_acks_in_any_order_only_move_a_send_forward(state: SendState, levels: list[int]) -> None:
    best = 0
    for level in levels:
        after = after_ack(state, level)
        if after is not None:
            assert lifecycle.may_follow(state, after)
            assert after in (_L.FAILED, _L.UNKNOWN) or LIVE.index(after) > best
            best = LIVE.index(after) if after in LIVE else best
            state = after
    positive = [number for number in (level if level <= 4 else 1 for level in levels) if number > 0]
    if positive and min(levels) >= 0:
        assert state is LIVE[max(positive) + 1]


@pytest.mark.parametrize(
    ("before", "level", "after"),
    [
        (_L.SENDING, -1, _L.FAILED),
        (_L.UNKNOWN, -1, None),
        (_L.SENDING, -2, _L.FAILED),
        (_L.UNKNOWN, -2, None),
        (_L.SENT, -1, _L.FAILED),  # the server had accepted it before
        (_L.DEVICE, -1, None),
    ],
)
def test_a_refusal_ends_a_send_that_is_not_in_doubt(before: SendState, level: int, after: SendState | None) -> None:
    assert after_ack(before, level) is after


@given(st.integers(-7, 6))
def test_an_ack_changes_neither_an_unsent_nor_a_final_state(level: int) -> None:
    assert after_ack(_L.ACCEPTED, level) is None
    assert after_ack(_L.FAILED, level) is None
    assert after_ack(_L.PLAYED, level) is None
