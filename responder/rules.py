"""Rules with canned answers: parsed from YAML, checked and matched. Pure: `rules_file` reads the file.

Patterns and answers of a rule are by language; the answer is in the language whose pattern matches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import regex  # and not re: it has a limit of time
import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails

from bridge.contract.text_normalize import LONGEST, contains_phrase, legible, made_of, plain, unaccented
from responder.errors import RulesMistake, WrongRules
from responder.file_answers import FIELDS, NO_FILES, FileAnswer, FileFolder
from responder.hours import Hours

#: The language of patterns and answers without one.
ANY = "any"
#: Seconds of the processor that all expressions together may take on one text.
MOST_TIME = 0.02


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _phrases(value: Any) -> Any:
    texts = _as_list(value)
    if not isinstance(texts, list):
        return texts
    found = tuple(plain(text) if isinstance(text, str) else text for text in texts)
    if not all(found):
        raise ValueError("a phrase has no letters or digits; use `matches` for such texts")
    return found


def _expressions(value: Any) -> Any:
    texts = _as_list(value)
    if not isinstance(texts, list):
        return texts
    try:
        return tuple(regex.compile(text, regex.IGNORECASE) if isinstance(text, str) else text for text in texts)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{texts!r:.200} is not a regular expression: {error}") from error


def _hours(value: Any) -> Any:
    return Hours.parse(value) if isinstance(value, str) else value


_Phrases = Annotated[tuple[str, ...], BeforeValidator(_phrases)]
_Expressions = Annotated[tuple[InstanceOf[regex.Pattern[str]], ...], BeforeValidator(_expressions)]


def _answer(value: Any, as_text: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    return info.context.answer(value) if isinstance(value, dict) and info.context else as_text(value)


if TYPE_CHECKING:
    _Answer = str | FileAnswer
else:
    _Answer = Annotated[str, Field(min_length=1, max_length=65_536), WrapValidator(_answer)]


def _no_report(_: str) -> None:
    pass


class Search:
    """Searches expressions in one text, within `MOST_TIME`. `too_slow` receives each that did not end in time."""

    def __init__(self, too_slow: Callable[[str], None]) -> None:
        self._too_slow = too_slow
        self._end = time.process_time() + MOST_TIME

    def finds(self, expression: regex.Pattern[str], texts: Iterable[str], *, unended: bool) -> bool:
        """Whether it matches one of the texts; `unended` where there was no time to know."""
        for text in texts:
            if (left := self._end - time.process_time()) <= 0:
                return unended
            try:
                if expression.search(text, timeout=left) is not None:
                    return True
            except TimeoutError:
                self._too_slow(expression.pattern)
                return unended
        return False


class Pattern(BaseModel):
    """A rule applies if one of the four kinds matches, and, where `needs` is given, also one of its phrases."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    whole: _Phrases = ()
    starts: _Phrases = ()
    contains: _Phrases = ()
    matches: _Expressions = ()
    needs: _Phrases = ()

    @model_validator(mode="after")
    def _check_not_empty(self) -> Pattern:
        if not (self.whole or self.starts or self.contains or self.matches):
            raise ValueError("needs one of whole, starts, contains and matches")
        return self

    def fits(self, text: str, plain_text: str, search: Search) -> bool:
        """Whether a text matches, given as written and in its plain form. What takes too long does not."""
        if self.needs and not any(contains_phrase(plain_text, phrase) for phrase in self.needs):
            return False
        return (
            made_of(plain_text, self.whole)
            or any(f"{plain_text} ".startswith(f"{phrase} ") for phrase in self.starts)
            or any(contains_phrase(plain_text, phrase) for phrase in self.contains)
            or any(search.finds(expression, [text], unended=False) for expression in self.matches)
        )


def _answers_by_language(value: Any) -> Any:
    is_file = isinstance(value, dict) and not value.keys().isdisjoint(FIELDS)
    return {ANY: value} if is_file or isinstance(value, (str, list)) else value


def _as_answers(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict)) else value


def _patterns_by_language(value: Any) -> Any:
    """Languages have patterns; the keys of a pattern, misspelt ones too, have phrases."""
    if isinstance(value, dict) and any(not isinstance(one, dict) for one in value.values()):
        return {ANY: value}
    return value


_Answers = Annotated[tuple[_Answer, ...], BeforeValidator(_as_answers), Field(min_length=1)]


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=64)]
    when: Annotated[dict[str, Pattern], BeforeValidator(_patterns_by_language), Field(min_length=1)]
    answer: Annotated[dict[str, _Answers], BeforeValidator(_answers_by_language), Field(min_length=1)]

    @model_validator(mode="after")
    def _check_languages(self) -> Rule:
        if ANY not in self.answer and (missing := sorted(set(self.when) - set(self.answer))):
            raise ValueError(f"has no answer in {', '.join(missing)}")
        return self


@dataclass(frozen=True, slots=True)
class Canned:
    """A rule's answer. `file` is sent instead of `text`, which is its caption or name."""

    rule: str
    language: str
    text: str
    file: FileAnswer | None = None


class RulesHours(BaseModel):
    """Opening hours in the words of RESPONDER_HOURS, and the text outside them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    open: Annotated[InstanceOf[Hours], BeforeValidator(_hours)] = Hours()
    closed_text: Annotated[str, Field(max_length=4_096)] = ""


class QuickReply(BaseModel):
    """A text that a person inserts while answering in the panel."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(min_length=1, max_length=4_096)]


class Rules(BaseModel):
    """The content of a rules file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Literal[1]
    rules: tuple[Rule, ...] = ()
    forbidden: _Expressions = ()
    hours: RulesHours | None = None
    templates: Annotated[tuple[QuickReply, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _check_names(self) -> Rules:
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the name {twice[0]!r} is used twice")
        return self

    def answer(self, text: str, turn: int = 0, too_slow: Callable[[str], None] = _no_report) -> Canned | None:
        """The answer of the first rule that applies; `turn` chooses among several answers."""
        search = Search(too_slow)
        shortened = text[:LONGEST]
        plain_text = plain(shortened)
        for rule in self.rules:
            for language, pattern in rule.when.items():
                if pattern.fits(shortened, plain_text, search):
                    language = language if language in rule.answer else ANY  # noqa: PLW2901 - narrowed, not replaced
                    found = rule.answer[language][turn % len(rule.answer[language])]
                    if isinstance(found, str):
                        return Canned(rule.name, language, found)
                    return Canned(rule.name, language, found.text, found)
        return None

    def forbids(self, text: str, too_slow: Callable[[str], None] = _no_report) -> str | None:
        """The expression that forbids this answer as written or as it is read, or None. What takes too long forbids."""
        forms, search = (text, legible(text), unaccented(text)), Search(too_slow)
        return next((found.pattern for found in self.forbidden if search.finds(found, forms, unended=True)), None)


def parse_rules(text: str, files: FileFolder = NO_FILES) -> Rules:
    """Parse a rules file; `files` has those that its answers name. Raises WrongRules with the first mistakes' lines."""
    try:
        return Rules.model_validate(yaml.safe_load(text) or {"version": 1}, context=files)
    except ValidationError as error:
        mistakes = [
            RulesMistake(
                _line_of(text, fault["loc"]), f"{'.'.join(map(str, fault['loc'])) or 'file'}: {_sentence(fault)}"
            )
            for fault in error.errors(include_url=False, include_input=False)[:5]
        ]
        raise WrongRules("; ".join(map(str, mistakes)), mistakes) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # also a date such as 2001-99-99, or endless brackets
        mistakes = []
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            mistakes = [RulesMistake(error.problem_mark.line + 1, f"not YAML: {error.problem}")]
        raise WrongRules(f"not YAML: {' '.join(str(error).split())}", mistakes) from error


#: The sentences of mistakes, by pydantic's name of them; its own speak of models and instances.
_SENTENCES = {
    "string_type": "must be a text",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "too_long": "has too many entries",
    "string_too_long": "is too long",
    "dict_type": "must be keys with values, such as contains: [abierto]",
    "model_type": "must be keys with values, such as contains: [abierto]",
    "tuple_type": "must be a text or a list of texts",
    "is_instance_of": "must be a regular expression in quotes",
}


def _sentence(fault: ErrorDetails) -> str:
    place = fault["loc"]
    match fault["type"]:
        case "extra_forbidden":
            # by the section and the depth: the file, a rule, a pattern
            models: dict[tuple[object, int], type[BaseModel]] = {
                ("rules", 3): Rule,
                ("hours", 2): RulesHours,
                ("templates", 3): QuickReply,
            }
            model = Rules if len(place) == 1 else models.get((place[0], len(place)), Pattern)
            return f"unknown key {str(place[-1])!r}; known: {', '.join(model.model_fields)}"
        case "missing":
            return "is missing"
        case "literal_error":
            return f"must be {fault['ctx']['expected']}"
    return _SENTENCES.get(fault["type"], fault["msg"].removeprefix("Value error, "))


def _line_of(text: str, location: tuple[int | str, ...]) -> int:
    """The line of a field, or of the rule that lacks it."""
    node = yaml.compose(text, yaml.SafeLoader)
    line = 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    node, line = value, key.start_mark.line + 1
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
