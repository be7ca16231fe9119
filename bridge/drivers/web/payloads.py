"""Converts the page's items to the values of the driver's port. Pure.

No input raises and nothing is dropped: what cannot be converted becomes a message of type `unknown` that carries its
raw form. Addresses are not changed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid, MessageKey, Server
from bridge.contract.kinds import BY_NAME
from bridge.contract.messages import MessageContent, Quoted
from bridge.contract.payload import valid_text
from bridge.drivers.web.refusals import refusal
from bridge.ports import AckChange, IdGiven, IncomingEvent, IncomingMessage, Item, SeenPerson, SendStopped

UNKNOWN = "unknown"
#: The chat of a message without a readable one, so that it is still published.
NO_CHAT = Jid("unknown", Server.USER)


def to_items(raws: Sequence[Any]) -> list[Item]:
    """Converts a batch from the page."""
    items: list[Item] = []
    for raw in raws:
        if isinstance(raw, dict) and raw.get("kind") == "ack":
            change = to_ack(raw)
            if change is not None:
                items.append(change)
                continue
        if isinstance(raw, dict) and raw.get("kind") == "stopped":
            with suppress(ValueError, InvalidRequest):
                items.append(SendStopped(to_key(raw.get("key"))))
            continue
        if isinstance(raw, dict) and raw.get("kind") == "id_given":
            with suppress(ValueError, InvalidRequest):
                items.append(IdGiven(to_key(raw.get("reserved")), to_key(raw.get("key"))))
            continue
        if isinstance(raw, dict) and raw.get("kind") == "event":
            event = to_event(raw)
            if event is not None:
                items.append(event)
                continue
        items.append(to_message(raw))
    return items


def to_message(raw: Any) -> IncomingMessage:
    """One message. `raw["at"]` is the service's time when the page read it, used if the message has no time."""
    if not isinstance(raw, dict):
        return _unconverted({"value": raw})
    try:
        key = to_key(raw.get("key"))
        kind = _text(raw.get("type"))
        if not kind:
            return _unconverted(raw, key)
        return _message(raw, key, kind)
    except (ValueError, TypeError, OverflowError, InvalidRequest):
        return _unconverted(raw)


def to_event(raw: Mapping[str, Any]) -> IncomingEvent | None:
    """An event as `page/events` reads it, or None if it is not one."""
    kind, once, fields = raw.get("event"), raw.get("once"), raw.get("fields")
    if not isinstance(kind, str) or not isinstance(once, str) or not isinstance(fields, dict):
        return None
    author = to_jid(raw.get("author"))
    if isinstance(people := fields.get("people"), list):
        fields = {**fields, "people": [to_person(one) for one in people if isinstance(one, dict)]}
    return IncomingEvent(kind, valid_text(once), _timestamp(raw), to_jid(raw.get("chat")), fields, author)


def to_person(raw: Mapping[str, Any]) -> SeenPerson:
    """The addresses under which the page knows a person."""
    return SeenPerson(frozenset(filter(None, (to_jid(raw.get("pn")), to_jid(raw.get("lid"))))))


def to_ack(raw: Mapping[str, Any]) -> AckChange | None:
    """An ack, or None if it names no message."""
    level = raw.get("level")
    keys = []
    for parts in _list(raw.get("keys")):
        try:
            keys.append(to_key(parts))
        except (ValueError, InvalidRequest):
            continue
    if not keys or not isinstance(level, int) or isinstance(level, bool):
        return None
    reason = raw.get("refusal")
    return AckChange(tuple(keys), level, refusal(reason if isinstance(reason, dict) else None) if level < 0 else None)


def to_key(parts: Any) -> MessageKey:
    """A message key from its parts, or from its serialized form. Raises `ValueError` or `InvalidRequest`."""
    if not isinstance(parts, dict):
        raise ValueError("a message without a key")  # noqa: TRY004 - bad input of the page, not of the caller
    remote, raw_id, from_me = parts.get("remote"), parts.get("id"), parts.get("fromMe")
    if isinstance(remote, str) and isinstance(raw_id, str) and raw_id and isinstance(from_me, bool):
        participant = to_jid(parts.get("participant"))
        return MessageKey(from_me, Jid.parse(remote), valid_text(raw_id), participant)
    serialized = parts.get("serialized")
    if not isinstance(serialized, str):
        raise ValueError("a key without parts")  # noqa: TRY004
    return MessageKey.parse(valid_text(serialized))


def to_jid(value: Any) -> Jid | None:
    """An address, or None if the value is not one."""
    if not isinstance(value, str):
        return None
    try:
        return Jid.parse(value)
    except InvalidRequest:
        return None


def _message(raw: Mapping[str, Any], key: MessageKey, kind: str) -> IncomingMessage:
    person = raw.get("person") if isinstance(raw.get("person"), dict) else {}
    return IncomingMessage(
        id=str(key),
        key=key,
        chat=key.remote,
        type=kind,
        timestamp=_timestamp(raw),
        content=_content(raw.get("content")),
        author=(to_jid(raw.get("author")) or key.participant) if key.remote.is_group else None,
        from_pn=to_jid(person.get("pn")) if person else None,
        from_lid=to_jid(person.get("lid")) if person else None,
        notify_name=_text(raw.get("notifyName")),
        history=raw.get("isMdHistoryMsg") is True,
        raw=raw["raw"] if isinstance(raw.get("raw"), dict) else None,
        variant=_text(raw.get("variant")),
        ack=raw["ack"] if isinstance(raw.get("ack"), int) and key.from_me else None,
    )


def _content(raw: Any) -> MessageContent:
    """The content as the readers of `page/kinds` return it, without the fields that do not fit the contract."""
    fields = {name: value for name, value in raw.items() if value is not None} if isinstance(raw, dict) else {}
    fields["quoted"] = _quoted(fields.get("quoted"))
    fields["mentions"] = [str(jid) for jid in map(to_jid, _list(fields.get("mentions"))) if jid] or None
    try:
        return MessageContent.model_validate(fields)
    except ValidationError as error:
        unfit = {fault["loc"][0] for fault in error.errors()}
        return MessageContent.model_validate({name: value for name, value in fields.items() if name not in unfit})


def _unconverted(raw: Mapping[str, Any], key: MessageKey | None = None) -> IncomingMessage:
    """The same raw form gives the same id, so that a repeated batch is not published twice."""
    clean = json.loads(valid_text(json.dumps(raw, ensure_ascii=False, sort_keys=True, default=str)))
    if key is None:
        timeless = {name: value for name, value in clean.items() if name != "at"}
        digest = hashlib.sha256(json.dumps(timeless, sort_keys=True).encode()).hexdigest()
        parts = raw.get("key")
        remote = to_jid(parts.get("remote")) if isinstance(parts, dict) else None
        chat = remote or to_jid(raw.get("from")) or NO_CHAT
        key = MessageKey(False, chat, f"UNKNOWN{digest[:32].upper()}")
    return IncomingMessage(
        id=str(key),
        key=key,
        chat=key.remote,
        type=UNKNOWN,
        timestamp=_timestamp(raw),
        author=key.participant if key.remote.is_group else None,
        raw=clean,
    )


#: Unix times from here on are milliseconds: as seconds it is the year 5138, as milliseconds 1973.
_MILLISECONDS = 1e11
#: Seconds by which a message may be newer than the service's clock when the page read it; `page/models.js` has it, too.
_AHEAD = 86_400


def _timestamp(raw: Mapping[str, Any]) -> int:
    """When it was written; where that is no time, or a later one than now, when the page read it. 0 without both."""
    read_at = _seconds(raw.get("at"))
    written = _seconds(raw.get("t"))
    return written if written and (not read_at or written <= read_at + _AHEAD) else read_at


def _seconds(value: Any) -> int:
    """Unix seconds; 0 for what is no time."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or value <= 0:
        return 0
    return int(value if value < _MILLISECONDS else value / 1000)


def _text(value: Any) -> str | None:
    return valid_text(value) if isinstance(value, str) and value else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _quoted(raw: Any) -> Quoted | None:
    if not isinstance(raw, dict):
        return None
    try:
        quoted_id: str | None = str(to_key(raw.get("key")))
    except (ValueError, InvalidRequest):
        quoted_id = _text(raw.get("stanza"))
    author = to_jid(raw.get("author"))
    kind = BY_NAME.get(_text(raw.get("kind")) or "")
    return Quoted(
        id=quoted_id,
        author=str(author) if author else None,
        body=_text(raw.get("body")),
        kind=kind.kind if kind else None,
    )
