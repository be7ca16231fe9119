"""The policy: every combination of conditions against the documented order, then the edges of each condition."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from bridge.contract.text_normalize import fingerprint
from responder.policy import Circumstances, Facts, Groups, Policy, Verdict, decide, reconsider

NOW = 1_800_000_000.0
PERSON, ADMIN, BLOCKED, OWN = (f"549115550000{n}@c.us" for n in (1, 9, 8, 0))
POLICY = Policy(admins=frozenset({ADMIN}), blocked=frozenset({BLOCKED}), own=frozenset({OWN}))
MESSAGE = Facts("¿Tienen turno?", "chat", NOW - 1, frozenset({PERSON}))

#: The conditions in the order in which they decide, each with the change that makes it apply.
OF_MESSAGE = (
    (Verdict.NOT_A_CONVERSATION, {"is_conversation": False}),
    (Verdict.BLOCKED, {"people": frozenset({BLOCKED, PERSON})}),
    (Verdict.GROUP, {"is_group": True}),
    (Verdict.NOT_TEXT, {"kind": "image"}),
    (Verdict.EMPTY, {"body": " \n"}),
    (Verdict.TOO_OLD, {"timestamp": NOW - 901}),
)
OF_MOMENT = (
    (Verdict.OFF, {"active": False}),
    (Verdict.CLIENT_OFF, {"client_active": False}),
    (Verdict.OPTED_OUT, {"opted_out": True}),
    (Verdict.HUMAN, {"paused_until": NOW + 1}),
    (Verdict.CLOSED, {"is_open": False}),
    (Verdict.CHAT_BUDGET, {"answers_to_chat": 20}),
    (Verdict.TOTAL_BUDGET, {"answers_in_all": 1000}),
    (Verdict.DUPLICATE, {"last_print": fingerprint(MESSAGE.body), "last_at": NOW - 2}),
)


def test_the_first_condition_that_applies_decides_in_every_combination() -> None:
    conditions = (*OF_MESSAGE, *OF_MOMENT)
    for chosen in itertools.product((False, True), repeat=len(conditions)):
        facts, now = MESSAGE, Circumstances(NOW)
        for (_, change), applies in zip(OF_MESSAGE, chosen, strict=False):
            facts = replace(facts, **change) if applies else facts  # type: ignore[arg-type]
        for (_, change), applies in zip(OF_MOMENT, chosen[len(OF_MESSAGE) :], strict=True):
            now = replace(now, **change) if applies else now  # type: ignore[arg-type]
        applying = [verdict for (verdict, _), applies in zip(conditions, chosen, strict=True) if applies]
        expected = applying[0] if applying else Verdict.ANSWER
        if expected is Verdict.DUPLICATE and facts.body != MESSAGE.body:
            expected = Verdict.ANSWER
        assert decide(facts, now, POLICY) is expected, applying


def test_the_circumstances_decide_again_right_before_the_answer() -> None:
    for chosen in itertools.product((False, True), repeat=len(OF_MOMENT)):
        now = Circumstances(NOW)
        for (_, change), applies in zip(OF_MOMENT, chosen, strict=True):
            now = replace(now, **change) if applies else now  # type: ignore[arg-type]
        applying = [verdict for (verdict, _), applies in zip(OF_MOMENT, chosen, strict=True) if applies]
        expected = [verdict for verdict in applying if verdict is not Verdict.DUPLICATE]
        assert reconsider(NOW - 1, now, POLICY) is (expected[0] if expected else Verdict.ANSWER)
    assert reconsider(NOW - 901, Circumstances(NOW), POLICY) is Verdict.TOO_OLD


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("pausar respuestas", Verdict.ORDER),
        ("  Silenciar BOT!! ", Verdict.ORDER),
        ("Estado respuestas?", Verdict.ORDER),
        ("encender respuestas por favor", Verdict.OFF),
        ("hola", Verdict.OFF),
    ],
)
def test_an_administrators_order_applies_while_answers_are_off(order: str, expected: Verdict) -> None:
    off = Circumstances(NOW, active=False, client_active=False, paused_until=NOW + 9, is_open=False)
    facts = replace(MESSAGE, body=order, people=frozenset({ADMIN}))
    assert decide(facts, off, POLICY) is expected
    assert decide(replace(facts, people=frozenset({PERSON})), off, POLICY) is Verdict.OFF
    assert decide(replace(facts, is_group=True), off, POLICY) is Verdict.GROUP


def test_an_old_order_is_not_applied() -> None:
    facts = replace(MESSAGE, body="activar bot", people=frozenset({ADMIN}), timestamp=NOW - 901)
    assert decide(facts, Circumstances(NOW), POLICY) is Verdict.TOO_OLD


_OPT_OUTS = (
    *("baja", "BAJA.", "stop", "darme de baja", "Quiero darme de baja", "Stop por favor", "b.a.j.a", "B A J A!!"),
    *("Hola, quiero darme de baja por favor. Gracias", "por favor no me escriban más", "ВАЈА", "st\u200bop", "🅱🅰🅹🅰"),
    *("Please stop", "STOP!!!", "unsubscribe me, thanks", "𝐛𝐚𝐣𝐚", "s-t-o-p please", "No quiero recibir más mensajes."),
)
_NOT_OPT_OUTS = (
    *("la calefacción está baja", "¿baja el precio?", "stop motion", "bajá la música", "por favor", "gracias"),
    *("por favor baja el precio", "hola, la baja presión es por la lluvia", "¿me das de baja la otra línea?", "s t o"),
    *("gracias por no molestar", "do not stop", "la alta", "no paren", "a b c", "ya baja el colectivo", "planta baja"),
)


@pytest.mark.parametrize("text", _OPT_OUTS)
def test_an_opt_out_applies_whatever_its_age_and_the_switches(text: str) -> None:
    facts = replace(MESSAGE, body=text, timestamp=NOW - 100_000)
    assert decide(facts, Circumstances(NOW, active=False), POLICY) is Verdict.OPT_OUT
    assert decide(replace(facts, is_group=True), Circumstances(NOW), POLICY) is Verdict.GROUP


@pytest.mark.parametrize("text", _NOT_OPT_OUTS)
def test_the_word_within_a_sentence_is_not_an_opt_out(text: str) -> None:
    assert decide(replace(MESSAGE, body=text), Circumstances(NOW), POLICY) is Verdict.ANSWER


def test_groups_are_answered_only_where_the_account_is_mentioned() -> None:
    policy = replace(POLICY, groups=Groups.MENTIONED)
    said = replace(MESSAGE, is_group=True)
    assert decide(said, Circumstances(NOW), policy) is Verdict.NOT_MENTIONED
    assert decide(replace(said, mentions=frozenset({PERSON})), Circumstances(NOW), policy) is Verdict.NOT_MENTIONED
    assert decide(replace(said, mentions=frozenset({OWN, PERSON})), Circumstances(NOW), policy) is Verdict.ANSWER
    assert decide(replace(said, mentions_account=True), Circumstances(NOW), policy) is Verdict.ANSWER


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("image", "¿Sale con esto?", Verdict.ANSWER),
        ("video", "mirá", Verdict.ANSWER),
        ("image", "", Verdict.EMPTY),
        ("ptt", "", Verdict.NOT_TEXT),
        ("sticker", "x", Verdict.NOT_TEXT),
        ("unknown", "x", Verdict.NOT_TEXT),
    ],
)
def test_captions_are_answered_only_with_the_setting(kind: str, body: str, expected: Verdict) -> None:
    facts = replace(MESSAGE, kind=kind, body=body)
    assert decide(facts, Circumstances(NOW), replace(POLICY, captions=True)) is expected
    assert decide(facts, Circumstances(NOW), POLICY) is Verdict.NOT_TEXT


def test_a_repeated_text_is_a_duplicate_only_within_the_window_and_in_a_row() -> None:
    said = fingerprint("TIENEN turno")
    assert decide(MESSAGE, Circumstances(NOW, last_print=said, last_at=NOW - 121), POLICY) is Verdict.DUPLICATE
    assert decide(MESSAGE, Circumstances(NOW, last_print=said, last_at=NOW - 122), POLICY) is Verdict.ANSWER
    other = fingerprint("¿Tienen turnos?")
    assert decide(MESSAGE, Circumstances(NOW, last_print=other, last_at=NOW - 2), POLICY) is Verdict.ANSWER


def test_a_client_without_a_row_is_answered_and_a_budget_of_zero_is_unlimited() -> None:
    assert decide(MESSAGE, Circumstances(NOW, client_active=None), POLICY) is Verdict.ANSWER
    free = replace(POLICY, chat_budget=0, total_budget=0)
    assert decide(MESSAGE, Circumstances(NOW, answers_to_chat=10**6, answers_in_all=10**6), free) is Verdict.ANSWER
