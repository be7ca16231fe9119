"""The responder's page: its rules file is valid and does what the table says, and each verdict is explained."""

from __future__ import annotations

import re

import pytest

from responder.policy import Verdict
from responder.rules import parse_rules
from responder.settings import ResponderSettings
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/responder.md"
TEXT = PAGE.read_text(encoding="utf-8")
(RULES,) = (parse_rules(block.text) for block in blocks(PAGE) if block.language == "yaml")
_, _, table = TEXT.partition(" | Rule |\n")
WRITTEN: list[tuple[str, str]] = re.findall(r"^\| (.+?) \| (\S+) \|$", table.split("\n\n")[0], re.MULTILINE)


@pytest.mark.parametrize(("text", "rule"), WRITTEN)
def test_the_rules_do_what_the_table_says(text: str, rule: str) -> None:
    given = RULES.answer(text)
    assert (given.rule if given else "none") == rule


def test_the_table_has_a_text_for_each_rule_and_one_for_none() -> None:
    assert {rule for _, rule in WRITTEN} == {rule.name for rule in RULES.rules} | {"none"}
    assert RULES.forbids("Hoy es GRATIS")


def test_every_reason_for_not_answering_is_explained() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.+?) \|", TEXT, re.MULTILINE))))
    answering = {Verdict.ANSWER, Verdict.ORDER, Verdict.ANSWERED}
    assert {verdict.value for verdict in Verdict if verdict not in answering} <= documented


def test_every_named_setting_exists() -> None:
    known = {str(field.validation_alias) for field in ResponderSettings.model_fields.values()}
    named = set(re.findall(r"`((?:RESPONDER|OPENAI|DB|ADMIN|MASSIVE)_[A-Z_]+[A-Z])", TEXT))
    assert named
    assert named <= known
