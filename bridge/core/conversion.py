"""From what a driver hands over to what is published of it: always something that can be written and read. Pure."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from bridge.contract.kinds import BY_TYPE, RECEIVED_FIELDS
from bridge.contract.messages import MessageBody, MessageContent
from bridge.contract.payload import MAX_DEPTH, is_too_deep, valid_text
from bridge.ports import IncomingMessage

_log = logging.getLogger(__name__)
UNKNOWN = "unknown"
#: Bytes of JSON. A broker ends the connection of who sends it more than it takes, and what is behind would wait for
#: ever; the smallest default among those in use is 1 MiB (EMQX). A text of WhatsApp is a quarter of this at most.
LARGEST = 1_000_000
#: Characters that are kept of the text of a message that is larger.
_KEPT = 65_536
#: The last second of the year 9999: what is beyond is no time that anybody could have written at.
_LAST_SECOND = 253_402_300_799


def body_of(message: IncomingMessage, cliente_id: int, own: Collection[str], *, late: bool) -> MessageBody:
    """What is published of a message; `own` = this account's addresses.

    What cannot be converted is told all the same, with type `unknown`, and does not stop the rest.
    """
    content = message.content
    known = {
        "id": message.id,
        "from_": str(message.chat),
        "chat": str(message.chat),
        "author": str(message.author or message.chat),
        "from_pn": str(message.from_pn) if message.from_pn else None,
        "from_lid": str(message.from_lid) if message.from_lid else None,
        "timestamp": time_of(message),
        "cliente_id": cliente_id,
        "late": late,
        "notify_name": message.notify_name or None,
        "mentions_me": any(address in own for address in content.mentions or ()) or None,
    }
    raw = message.raw
    try:
        said = {name: getattr(content, name) for name in MessageContent.model_fields}
        seen = None if raw is None else _readable(raw)
        return _trimmed(MessageBody(**known, **said, type=message.type, kind=kind_of(message.type), raw=seen))
    except ValidationError as error:
        _log.warning("%s cannot be converted: %s", message.key.id, error.errors()[0]["msg"])
        seen = _readable(raw if raw is not None else {"unreadable": ascii(content)})
        return _trimmed(MessageBody(**known, type=UNKNOWN, kind=UNKNOWN, raw=seen))


def kind_of(message_type: str) -> str:
    """The kind of a message of one of WhatsApp's types."""
    return BY_TYPE[message_type].kind if message_type in BY_TYPE else UNKNOWN


def text_of(value: object) -> str:
    """As text that can be written as UTF-8."""
    return valid_text(str(value))


def time_of(message: IncomingMessage) -> int:
    """When it was written (unix seconds); 0 where nobody can tell."""
    return message.timestamp if 0 <= message.timestamp <= _LAST_SECOND else 0


def _trimmed(body: MessageBody) -> MessageBody:
    """Without its extras where it would be larger than a broker may take."""
    if _is_small(body) or (size := len(body.to_json().encode())) <= LARGEST:
        return body
    _log.warning("%s has %d bytes: it is told without what it carries beside its text", body.id, size)
    extras = {"notify_name", *MessageContent.model_fields} - {"body", "forwarded"}
    left_out = {"unreadable": f"{size:,} bytes are more than a message may have"}
    return body.model_copy(update={**dict.fromkeys(extras), "body": body.body[:_KEPT], "raw": left_out})


def _is_small(body: MessageBody) -> bool:
    """Whether it is so by far, told without writing its JSON, which costs as much as all of the rest."""
    if body.raw or body.quoted or any(getattr(body, name) is not None for name in RECEIVED_FIELDS):
        return False
    written = len(body.body) + len(body.notify_name or "") + sum(map(len, body.mentions or ()))
    return written < LARGEST // 10  # a character is six bytes at the most


def _readable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Raw JSON of the page that can be written and read again, whatever it was."""
    if is_too_deep(raw):
        return {"unreadable": f"nested deeper than {MAX_DEPTH} levels"}
    try:
        clean = json.loads(valid_text(json.dumps(raw, ensure_ascii=False, default=str)))
    except (ValueError, TypeError) as error:
        return {"unreadable": str(error)}
    return clean if isinstance(clean, dict) else {"unreadable": ascii(clean)}
