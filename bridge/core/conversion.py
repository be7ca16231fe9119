"""Turns a driver's message into the published body, which is always valid JSON. Pure."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from bridge.contract.kinds import BY_NAME, RECEIVED_FIELDS
from bridge.contract.messages import MessageBody, MessageContent
from bridge.contract.payload import MAX_DEPTH, is_too_deep, valid_text
from bridge.core.people import Person
from bridge.ports import IncomingMessage

_log = logging.getLogger(__name__)
UNKNOWN = "unknown"
#: Bytes of JSON. A broker closes the connection of a client that publishes more than it accepts, and all later messages
#: would wait indefinitely; the smallest default among brokers in use is 1 MiB (EMQX). A WhatsApp text is a quarter of
#: this at most.
LARGEST = 1_000_000
#: Characters that are kept of the text of a larger message.
_KEPT = 65_536
#: The last second of the year 9999; later timestamps are invalid.
_LAST_SECOND = 253_402_300_799


def body_of(
    message: IncomingMessage, cliente_id: int, own: Collection[str], person: Person | None, *, late: bool
) -> MessageBody:
    """The published body of a message; `own` = this account's addresses, `person` = whom it is with or from.

    A message that cannot be converted is published with type `unknown` and its raw JSON, and blocks no other.
    """
    content = message.content
    known = {
        "id": message.id,
        "from_": str(message.chat),
        "chat": str(message.chat),
        "author": str(message.author or message.chat),
        "from_pn": str(message.from_pn) if message.from_pn else person and person.pn,
        "from_lid": str(message.from_lid) if message.from_lid else person and person.lid,
        "person": person and person.id,
        "timestamp": time_of(message),
        "cliente_id": cliente_id,
        "late": late,
        "notify_name": message.notify_name or None,
        "mentions_me": any(address in own for address in content.mentions or ()) or None,
    }
    raw = message.raw
    try:
        fields = {name: getattr(content, name) for name in content.model_fields_set}  # the others have their default
        valid = None if raw is None else _valid_json(raw)
        return _trimmed(MessageBody(**known, **fields, type=message.type, kind=kind_of(message.name), raw=valid))
    except ValidationError as error:
        _log.warning("%s cannot be converted: %s", message.key.id, error.errors()[0]["msg"])
        valid = _valid_json(raw if raw is not None else {"unreadable": ascii(content)})
        return _trimmed(MessageBody(**known, type=UNKNOWN, kind=UNKNOWN, raw=valid))


def kind_of(name: str) -> str:
    """The kind for one of WhatsApp's message types, or for a variant of one."""
    return BY_NAME[name].kind if name in BY_NAME else UNKNOWN


def text_of(value: object) -> str:
    """The value as text that can be encoded as UTF-8."""
    return valid_text(str(value))


def time_of(message: IncomingMessage) -> int:
    """Unix seconds when it was written; 0 for an invalid timestamp."""
    return message.timestamp if 0 <= message.timestamp <= _LAST_SECOND else 0


def _trimmed(body: MessageBody) -> MessageBody:
    """The body, without its optional fields if it exceeds `LARGEST`."""
    if _is_small(body) or (size := len(body.to_json().encode())) <= LARGEST:
        return body
    _log.warning("%s has %d bytes: only its text is published", body.id, size)
    extras = {"notify_name", *MessageContent.model_fields} - {"body", "forwarded"}
    left_out = {"unreadable": f"{size:,} bytes exceed the limit of a message"}
    return body.model_copy(update={**dict.fromkeys(extras), "body": body.body[:_KEPT], "raw": left_out})


def _is_small(body: MessageBody) -> bool:
    """Whether it is far below `LARGEST`, without serializing it, which costs as much as all the rest."""
    if body.raw or body.quoted or any(getattr(body, name) is not None for name in RECEIVED_FIELDS):
        return False
    characters = len(body.body) + len(body.notify_name or "") + sum(map(len, body.mentions or ()))
    return characters < LARGEST // 10  # a character is at most six bytes


def _valid_json(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Raw JSON from the page, made serializable whatever it holds."""
    if is_too_deep(raw):
        return {"unreadable": f"nested deeper than {MAX_DEPTH} levels"}
    try:
        clean = json.loads(valid_text(json.dumps(raw, ensure_ascii=False, default=str)))
    except (ValueError, TypeError) as error:
        return {"unreadable": str(error)}
    return clean if isinstance(clean, dict) else {"unreadable": ascii(clean)}
