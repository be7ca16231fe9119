"""The base class of the kinds of content. Pure."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel

from bridge.contract.modifiers import Modifiers


class Content:
    """The content of one command. Each kind is a subclass that is also the pydantic model of its field's value.

    A command has exactly one content field, and the field names the kind: `{"to": …, "location": {…}}`.
    """

    #: Name of the kind, as `status.sends`, logs and the CLI show it.
    kind: ClassVar[str]
    #: Name of its field in a command.
    field: ClassVar[str]
    #: A noun for the documentation.
    noun: ClassVar[str]
    #: Its form in `wa send`: `--<field> METAVAR`, read by `from_option`. Empty only for text, which is an argument.
    metavar: ClassVar[str] = ""
    #: The option's help text.
    option_help: ClassVar[str] = ""
    #: Names of the fields of its value that have options of their own in `wa send`. Only content with a file has some;
    #: then the option takes the path of a file, too.
    file_options: ClassVar[tuple[str, ...]] = ()
    #: The fields of `bridge.contract.modifiers` that it may have.
    modifiers: ClassVar[frozenset[str]] = frozenset({"reply_to", "mentions", "typing"})

    @property
    def summary(self) -> str:
        """One line for lists, logs and terminals."""
        return f"[{self.kind}]"

    @property
    def value(self) -> Any:
        """The JSON value of its field in a command."""
        return cast("BaseModel", self).model_dump(mode="json", exclude_none=True)

    def as_field(self) -> dict[str, Any]:
        """Field name and value in a command."""
        return {self.field: self.value}

    @property
    def identity(self) -> list[Any]:
        """Identifies equal content: commands of one id are compared by it. Released kinds never change it."""
        return [self.kind, self.value]

    def sent_from(self, own: str | None) -> Self:  # noqa: ARG002 - for the kinds with numbers in them
        """The content of an account with the number `own`: decides the country of numbers with a leading 0.

        Raises `InvalidRequest` where it cannot be decided.
        """
        return self

    def check(self) -> None:
        """Checks with their own error code. Raises `CodedError`."""

    @classmethod
    def from_option(cls, text: str) -> Any:
        """The JSON value for the text of its command-line option. Raises `ValueError`."""
        raise ValueError(f"{cls.kind} has no command-line form: {text[:20]!r}")


#: Built once: `json.dumps` with arguments builds one per call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump_content(content: Content, modifiers: Modifiers) -> str:
    """The stored form: the content field of a command, and its modifiers, as JSON."""
    return _ENCODER.encode(content.as_field() | modifiers.given())
