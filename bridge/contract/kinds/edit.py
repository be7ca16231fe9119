"""Edits of own messages. Those of other people are received as events."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from typing_extensions import override

from bridge.contract.errors import TooLarge
from bridge.contract.kinds.act import Act, target_from_option
from bridge.contract.kinds.text import MAX_TEXT, refuse_blank
from bridge.contract.payload import CleanText

#: Seconds after it was sent for which WhatsApp lets a message be edited.
EDITABLE = 15 * 60


class Edit(Act):
    """`{"edit": {"command_id": "order-17", "message": "Son las 9"}}`; a caption is edited in the same way."""

    kind: ClassVar = "edit"
    field: ClassVar = "edit"
    noun: ClassVar = "a new text for an own message of the last 15 minutes"
    metavar: ClassVar = "ID:TEXT"
    option_help: ClassVar = 'Edit an own message: its id, or "@" and the id of its command.'

    message: Annotated[CleanText, AfterValidator(refuse_blank), Field(description="its text from now on")]

    @property
    @override
    def summary(self) -> str:
        return f"✏️ {self.message}"

    @override
    def check(self) -> None:
        """Raises `TooLarge` above `MAX_TEXT` characters."""
        if len(self.message) > MAX_TEXT:
            raise TooLarge

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        target, colon, message = text.partition(":")
        if not colon:
            raise ValueError("an id, a colon and a text")
        return {**target_from_option(target), "message": message}


SENT = Edit
