"""The base of every JSON payload: version, times, valid text, serialization.

Readers ignore unknown fields (`Payload`); commands refuse them (`StrictPayload`): a typo in `ttl` must not send late.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
)

VERSION: Final = 1
#: Levels that free JSON may be nested: far beyond any use, and within what every JSON library reads and writes.
MAX_DEPTH = 64
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, for example `2026-01-31T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(seconds: float) -> datetime:
    """Unix seconds as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def valid_text(text: str) -> str:
    """Text from the page, made storable everywhere: NUL and lone surrogates become U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _refuse_unprintable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("holds a NUL or half a surrogate pair, which WhatsApp cannot carry")
    return text


def is_too_deep(value: Any) -> bool:
    """Whether JSON is nested deeper than `MAX_DEPTH`. Does not recurse, so that no input can exhaust the stack."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        nested = [item for item in level if isinstance(item, (dict, list))]
        if not nested:
            return False
        level = [inner for item in nested for inner in (item.values() if isinstance(item, dict) else item)]
    return True


def _refuse_unwritable_json(value: Any) -> Any:
    if is_too_deep(value):
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    _refuse_unprintable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    return value


Instant = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
#: Text from a caller: refused if invalid, not repaired, so that the sent text is the requested one.
CleanText = Annotated[str, AfterValidator(_refuse_unprintable)]
#: Free JSON from a caller, returned to it: it must be serializable.
CleanJson = Annotated[Any, AfterValidator(_refuse_unwritable_json)]
#: Text from WhatsApp: repaired, never refused, since every received message is published.
PageText = Annotated[str, AfterValidator(valid_text)]


def is_none(value: object) -> bool:
    """For `Field(exclude_if=is_none)`: a field that is omitted instead of being null."""
    return value is None


class Payload(BaseModel):
    """A payload that the bridge writes."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, ser_json_inf_nan="null", defer_build=True)

    def to_json(self) -> str:
        """The published form: compact JSON."""
        return self.model_dump_json(by_alias=True)


class StrictPayload(BaseModel):
    """A payload that the bridge accepts: strict types, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)

    def check(self) -> None:
        """Checks across fields, or with their own error code. Raises `CodedError`."""
