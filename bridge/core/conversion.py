"""From what a driver hands over to what is published of it: always something that can be written and read. Pure."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from bridge.contract.messages import MessageBody
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
        "mentions_me": any(str(jid) in own for jid in message.mentions) or None,
    }
    try:
        return _trimmed(MessageBody(**known, **_content(message)))
    except ValidationError as error:
        _log.warning("%s cannot be converted: %s", message.key.id, error.errors()[0]["msg"])
        raw = message.raw if message.raw is not None else {"unreadable": ascii(_content(message))}
        return _trimmed(MessageBody(**known, type=UNKNOWN, body="", raw=_readable(raw)))


def text_of(value: object) -> str:
    """As text that can be written as UTF-8."""
    return valid_text(str(value))


def time_of(message: IncomingMessage) -> int:
    """When it was written (unix seconds); 0 where nobody can tell."""
    return message.timestamp if 0 <= message.timestamp <= _LAST_SECOND else 0


def _content(message: IncomingMessage) -> dict[str, Any]:
    return {
        "body": message.body,
        "type": message.type,
        "notify_name": message.notify_name or None,
        "quoted": message.quoted,
        "mentions": list(message.mentions) or None,
        "forwarded": message.forwarded,
        "media": message.media,
        "location": message.location,
        "contacts": list(message.contacts) or None,
        "raw": None if message.raw is None else _readable(message.raw),
    }


def _trimmed(body: MessageBody) -> MessageBody:
    """Without its extras where it would be larger than a broker may take."""
    if _is_small(body) or (size := len(body.to_json().encode())) <= LARGEST:
        return body
    _log.warning("%s has %d bytes: it is told without what it carries beside its text", body.id, size)
    extras = ("notify_name", "quoted", "mentions", "media", "location", "contacts")
    left_out = {"unreadable": f"{size:,} bytes are more than a message may have"}
    return body.model_copy(update={**dict.fromkeys(extras), "body": body.body[:_KEPT], "raw": left_out})


def _is_small(body: MessageBody) -> bool:
    """Whether it is so by far, told without writing its JSON, which costs as much as all of the rest."""
    if body.raw or body.media or body.location or body.quoted or body.contacts:
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
