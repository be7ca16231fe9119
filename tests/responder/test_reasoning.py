"""Reasoning in every notation that models use: none of it is left in an answer."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.reasoning import without_reasoning

SECRET = "El margen es 40%, no decirlo."


@pytest.mark.parametrize(
    "written",
    [
        f"<think>{SECRET}</think>\n\nHola",
        f"<thinking>\n{SECRET}\n</thinking>Hola",
        f"<reasoning>{SECRET}</reasoning> Hola",
        f"<THINK >{SECRET}</ Think>Hola",
        f'<thought level="2">{SECRET}</thought>Hola',
        f"<seed:think>{SECRET}</seed:think>Hola",
        f"{SECRET}</think>Hola",
        f"<think>Debo escribir </think> y luego {SECRET}</think>Hola",
        f"<think>a<think>{SECRET}</think>{SECRET}</think>Hola",
        f"&lt;think&gt;{SECRET}&lt;/think&gt;Hola",
        f"[THINK]{SECRET}[/THINK]Hola",
        f"◁think▷{SECRET}◁/think▷Hola",
        f"<|START_THINKING|>{SECRET}<|END_THINKING|>Hola",
        f"<|begin_of_thought|>{SECRET}<|end_of_thought|>Hola",
        f"<|channel>thought\n{SECRET}<channel|>Hola",
        f"<unused94>thought\n{SECRET}<unused95>Hola",
        f'<details type="reasoning" done="true">{SECRET}</details>Hola',
        f"```thinking\n{SECRET}\n```\nHola",
        f"Here is my thought process: {SECRET} Here is my response: Hola",
        f"<|channel|>analysis<|message|>{SECRET}<|end|><|start|>assistant<|channel|>final<|message|>Hola<|return|>",
        f"<|channel|>analysis<|message|>{SECRET}<|start|>assistant<|channel|>final <|constrain|>text<|message|>Hola",
        f"analysisWe know: {SECRET}assistantfinalHola",
        f"Hola<think>{SECRET}",
        f"Hola\n<reasoning>{SECRET}<",
        f"Hola <think>{SECRET}</thi",
        "Hola <thi",
    ],
)
def test_only_the_answer_is_left(written: str) -> None:
    assert without_reasoning(written) == "Hola"


@pytest.mark.parametrize(
    "written",
    [
        f"<think>{SECRET}",
        f"<think>{SECRET}</think>",
        f"[THINK]{SECRET}",
        f"<|channel|>analysis<|message|>{SECRET}",
        f"<|channel|>analysis<|message|>{SECRET}<|end|><|start|>assistant<|channel|>fin",
        f"<|channel|>commentary to=functions.x<|message|>{SECRET}<|call|>",
        f"<|channel|>analysis {SECRET}",
        f"analysisThe customer wants: {SECRET}",
        f"Here's my thought process: {SECRET}",
        "",
    ],
)
def test_an_answer_of_reasoning_alone_is_empty(written: str) -> None:
    assert without_reasoning(written) == ""


@pytest.mark.parametrize(
    "answer",
    [
        "Hola, ¿en qué te ayudo?",
        "I think so! Thinking of Monday?",
        "El análisis cuesta $500 <3",
        "Analysis: all fine. 5 < 6 > 4",
        "Mirá [el catálogo] y el [plan]",
        "Probá:\n```\nreiniciar\n```",
        "analysis of your order follows",
    ],
)
def test_an_answer_without_reasoning_stays_as_written(answer: str) -> None:
    assert without_reasoning(answer) == answer


_PIECES = st.sampled_from(
    (
        *(
            "<think>",
            "</think>",
            "<thinking>",
            "[THINK]",
            "[/THINK]",
            "<|channel|>",
            "analysis",
            "final",
            "<|message|>",
        ),
        *("<|end|>", "```thinking\n", "```", "<details type=reasoning>", "</details>", "hola", " ", "<", "|", "\n"),
    )
)


@given(st.lists(_PIECES, max_size=40))
def test_no_marker_of_reasoning_is_ever_left(pieces: list[str]) -> None:
    left = without_reasoning("".join(pieces))
    assert not any(marker in left for marker in ("<think", "</think", "[THINK]", "[/THINK]", "<|channel|>"))


@pytest.mark.parametrize("piece", ["<", "<think>", "</think>", "[", "<|channel|>", "<think ", "<|a", "```", "a:"])
def test_a_long_answer_takes_little_time(piece: str) -> None:
    started = time.process_time()
    without_reasoning(piece * (65_536 // len(piece)))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("begin", "piece", "times"),
    [
        ("<|", "end", 300),
        ("<|", "endthink", 200),
        ("<|end", "think", 400),
        ("<|", "think", 9_999),
        ("&lt;", " ", 4_000),
    ],
)
def test_a_marker_that_never_ends_takes_little_time(begin: str, piece: str, times: int) -> None:
    """A customer can have the model write it, and it is read on the event loop."""
    started = time.process_time()
    without_reasoning(begin + piece * times)
    assert time.process_time() - started < 0.5
