"""Reactions to a message. They are received as events."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from typing_extensions import override

from bridge.contract.emoji import is_emoji
from bridge.contract.kinds.act import Act, target_from_option
from bridge.contract.payload import CleanText


def _one_emoji(text: str) -> str:
    if text and not is_emoji(text):
        raise ValueError("is not one emoji; an empty text takes the reaction back")
    return text


class Reaction(Act):
    """`{"reaction": {"message_id": "false_…", "emoji": "👍"}}`."""

    kind: ClassVar = "reaction"
    field: ClassVar = "reaction"
    noun: ClassVar = "a reaction to a message; an empty emoji takes it back"
    metavar: ClassVar = "EMOJI:ID"
    option_help: ClassVar = 'React to a message: its id, or "@" and the id of its command. ":ID" takes it back.'

    emoji: Annotated[
        CleanText,
        Field(max_length=64, description="one emoji; empty takes the reaction back"),
        AfterValidator(_one_emoji),
    ]

    @property
    @override
    def summary(self) -> str:
        return self.emoji or "[reaction taken back]"

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        emoji, colon, target = text.partition(":")
        if not colon:
            raise ValueError("an emoji, a colon and an id")
        return {**target_from_option(target), "emoji": emoji}


SENT = Reaction
