"""Texts with variables: `{{name}}`, and `{{name|default}}` for recipients without one. Pure.

There is nothing to run in a text: no loop, no condition, no expression. Texts in the language of a template engine are
refused, so that none is sent with its marks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from bridge.contract.kinds import MAX_TEXT
from bridge.contract.text_normalize import is_visible
from campaigns.errors import WrongPlan

_VARIABLE = re.compile(r"\{\{\s*([^\W\d][\w .-]{0,63}?)\s*(?:\|([^{}]*))?\}\}")
_ENGINE = re.compile(r"\{%|%\}|\{#|#\}|\{\{|\}\}")


class MissingVariable(ValueError):
    """A recipient has no value for a variable that has no default."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the variable {name} is empty and has no default: fill it in, or write {{{{{name}|…}}}}")
        self.name = name


def variable_name(title: str) -> str:
    """The form in which names of variables are compared: `Nombre ` is `nombre`."""
    return " ".join(title.split()).casefold()


@dataclass(frozen=True, slots=True)
class Template:
    """A text whose variables are known."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a text. Raises `WrongPlan` with the part that is not understood."""
        rest = _VARIABLE.sub("", text)
        if found := _ENGINE.search(rest):
            raise WrongPlan(
                f"A text has {rest[found.start() : found.start() + 40]!r}, which is no variable. Write {{{{name}}}} or"
                " {{name|default}}; loops and conditions are not possible.",
                detail="template",
            )
        if not is_visible(rest) and not _VARIABLE.search(text):
            raise WrongPlan("A text is empty: write what is to be sent.", detail="empty_text")
        return cls(text)

    @property
    def names(self) -> frozenset[str]:
        """The variables that it uses."""
        return frozenset(variable_name(found[1]) for found in _VARIABLE.finditer(self.text))

    def render(self, values: Mapping[str, str], defaults: Mapping[str, str]) -> str:
        """The text of one recipient. Values are inserted as they are: a `{{` within them is not a variable.

        Raises `MissingVariable`, and ValueError for a text that is too long or shows nothing.
        """

        def value(found: re.Match[str]) -> str:
            name = variable_name(found[1])
            for candidate in (values.get(name), found[2], defaults.get(name)):
                if candidate is not None and is_visible(candidate):
                    return candidate.strip()
            raise MissingVariable(name)

        text = _VARIABLE.sub(value, self.text)
        if len(text) > MAX_TEXT:
            raise ValueError(f"the text has {len(text):,} characters; {MAX_TEXT:,} are allowed")
        if not is_visible(text):
            raise ValueError("the text is empty")
        return text
