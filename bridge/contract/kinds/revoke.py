"""Revocations: a message is deleted for everyone. Those of other people are received as events."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from bridge.contract.kinds.act import Act, target_from_option


class Revoke(Act):
    """`{"revoke": {"message_id": "true_…"}}`; an admin of a group may delete the messages of its members, too."""

    kind: ClassVar = "revoke"
    field: ClassVar = "revoke"
    noun: ClassVar = "deletes a message for everyone"
    metavar: ClassVar = "ID"
    option_help: ClassVar = 'Delete a message for everyone: its id, or "@" and the id of its command.'

    @property
    @override
    def summary(self) -> str:
        return "[deleted for everyone]"

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        return target_from_option(text)


SENT = Revoke
