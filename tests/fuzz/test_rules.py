"""Any content of a rules file gives rules, or one sentence about its error."""

from __future__ import annotations

from contextlib import suppress

import yaml
from hypothesis import given
from hypothesis import strategies as st

from responder.errors import WrongRules
from responder.rules import parse_rules
from tests.fuzz.values import BUDGET, JSON, nearly

WORDS = st.lists(st.sampled_from(["hola", "precio", "(", "[a-", "a{9999999999999}", "ñ😀", ""]), max_size=3)
PATTERNS = nearly(dict.fromkeys(("whole", "starts", "contains", "needs", "matches"), WORDS))
#: What YAML makes other things of than text, and of which it fails in its own ways.
ODD = st.sampled_from(["2001-99-99", "0x_", "[" * 500, "a: &a [*a]", "!!python/object:x {}", "\0", "? {a: 1}\n: 2"])
RULES = nearly(
    {
        "version": st.just(1),
        "rules": st.lists(
            nearly(
                {
                    "name": st.text(max_size=10),
                    "when": PATTERNS | st.dictionaries(st.text(max_size=2), PATTERNS, max_size=2),
                    "answer": st.text(max_size=20) | st.dictionaries(st.text(max_size=2), WORDS, max_size=2),
                }
            ),
            max_size=3,
        ),
        "forbidden": WORDS,
    }
)


@BUDGET
@given(st.one_of(st.text(max_size=80), RULES.map(yaml.safe_dump), JSON.map(repr), ODD))
def test_a_file_of_rules(text: str) -> None:
    with suppress(WrongRules):
        assert parse_rules(text).version == 1
