"""The responder's errors: one root, each with a code and whether a retry may help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from bridge.contract.errors import CodedError


class ResponderError(CodedError):
    """Root of the responder's errors."""

    code = "responder"


class WrongSettings(ResponderError):
    """The responder cannot start with these settings; the sentence names the setting and what to write instead."""

    code = "start"
    transient = False


@dataclass(frozen=True, slots=True)
class RulesMistake:
    """What is wrong in a rules file, and in which line, from 1; None where that is not known."""

    line: int | None
    text: str

    @override
    def __str__(self) -> str:
        return self.text if self.line is None else f"line {self.line}: {self.text}"


class WrongRules(ResponderError):
    """The rules file cannot be used; the sentence names the line."""

    code = "wrong_rules"
    transient = False

    def __init__(self, text: str, mistakes: Sequence[RulesMistake] = ()) -> None:
        super().__init__(text)
        self.mistakes = tuple(mistakes) or (RulesMistake(None, text),)


class RulesChanged(ResponderError):
    """The rules file is not the one that was edited."""

    code = "rules_changed"
    transient = False


class RulesNotWritten(ResponderError):
    """The rules file cannot be written; the sentence has the system's reason."""

    code = "rules_not_written"
    transient = False


class LeaseLost(ResponderError):
    """Another replica holds the lease by now; nothing was written."""

    code = "lease_lost"


class ModelFailed(ResponderError):
    """The model gave no answer that can be sent. The customer gets none.

    `transient`: the same request may be answered later, in `retry_after` seconds where the server says so. `of_prompt`:
    the server refused this prompt; it says nothing about others.
    """

    code = "model_failed"

    def __init__(
        self, text: str, *, retry_after: float | None = None, transient: bool = True, of_prompt: bool = False
    ) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.transient = transient
        self.of_prompt = of_prompt


class FileFailed(ResponderError):
    """A file of a message could not be fetched from the bridge; `transient`: it may be later."""

    code = "file_failed"

    def __init__(self, text: str, *, transient: bool) -> None:
        super().__init__(text)
        self.transient = transient


class SenderFailed(ResponderError):
    """A request to the legacy sender failed.

    `never_left`: it did not reach the sender; `refused`: the sender refused it. With neither the outcome is unknown.
    """

    code = "sender_failed"

    def __init__(self, text: str, *, never_left: bool = False, refused: bool = False) -> None:
        super().__init__(text)
        self.never_left = never_left
        self.refused = refused


class NoSuchChat(ResponderError):
    """No chat has this id."""

    code = "no_such_chat"
    transient = False
