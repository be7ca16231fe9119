"""docs/responder.md: its rules file is valid and does what its table says; every verdict and setting is explained."""

from __future__ import annotations

import re

import pytest

from responder.file_answers import FileFolder
from responder.policy import Verdict
from responder.rules import parse_rules
from responder.settings import ResponderSettings
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/responder.md"
TEXT = PAGE.read_text(encoding="utf-8")
#: In place of the files that the page's rules name.
FILES = FileFolder(ROOT / "tests/samples")
#: The blocks are parts of one file.
_FILE = "\n".join(block.text for block in blocks(PAGE) if block.language == "yaml")
RULES = parse_rules(_FILE.replace("carta.jpg", "red.jpg"), FILES)
_, _, table = TEXT.partition("| Message | Rule |\n")
EXAMPLES: list[tuple[str, str]] = re.findall(r"^\| (.+?) \| (\S+) \|$", table.split("\n\n")[0], re.MULTILINE)


@pytest.mark.parametrize(("text", "rule"), EXAMPLES)
def test_the_rules_do_what_the_table_says(text: str, rule: str) -> None:
    answer = RULES.answer(text)
    assert (answer.rule if answer else "none") == rule


def test_the_table_has_an_example_for_each_rule_and_one_for_none() -> None:
    assert {rule for _, rule in EXAMPLES} == {rule.name for rule in RULES.rules} | {"none"}
    assert RULES.forbids("Hoy es GRATIS")


def test_every_verdict_without_an_answer_is_explained() -> None:
    explained = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.+?) \|", TEXT, re.MULTILINE))))
    answered = {Verdict.ANSWER, Verdict.ORDER, Verdict.ANSWERED}
    assert {verdict.value for verdict in Verdict if verdict not in answered} <= explained


def test_every_named_setting_exists() -> None:
    known = {str(field.validation_alias) for field in ResponderSettings.model_fields.values()}
    named = set(re.findall(r"`((?:RESPONDER|OPENAI|DB|ADMIN|MASSIVE)_[A-Z_]+[A-Z])", TEXT))
    assert named
    assert named <= known
