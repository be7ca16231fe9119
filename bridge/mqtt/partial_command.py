"""What can be read of a payload that is not a valid command, and who is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bridge.broker import Delivery
from bridge.contract.commands import MAX_COMMAND_BYTES
from bridge.contract.errors import InvalidRequest
from bridge.contract.payload import valid_text
from bridge.contract.topics import Topics
from bridge.ports import ReplyTo


@dataclass(frozen=True, slots=True)
class PartialCommand:
    """The readable fields of a payload that is not a valid command: enough to answer its sender."""

    command_id: str | None = None
    reply_topic: str | None = None
    transaction: str | None = None
    request: str | None = None
    reader: str | None = None
    action: str | None = None

    @classmethod
    def of(cls, payload: bytes) -> PartialCommand:
        """Take the valid fields; never raises."""
        if len(payload) > MAX_COMMAND_BYTES:
            return cls()
        try:
            fields = json.loads(payload)
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(fields, dict):
            return cls()
        return cls(
            _short(fields.get("cancel", fields.get("id")), 128),
            _short(fields.get("reply_topic"), 512),
            _short(fields.get("transaction"), 512),
            _short(fields.get("request"), 128),
            _short(fields.get("reader"), 64),
            _short(fields.get("action"), 64),
        )


def _short(value: object, limit: int) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= limit and valid_text(value) == value else None


def reply_to(topics: Topics, session: str, field: str | None, delivery: Delivery) -> ReplyTo | None:
    """Who gets a copy of the answer. `field` is the payload's `reply_topic`. Raises `InvalidRequest`."""
    reply_topic = field or delivery.response_topic
    if reply_topic is None:
        return None
    client = topics.reply_client(session, reply_topic)
    if client is None:
        expected = topics.reply(session, "<client>")
        raise InvalidRequest(f"reply_topic must be {expected}, with a client name of letters, digits, _ and -.")
    return ReplyTo(client, delivery.correlation_data)
