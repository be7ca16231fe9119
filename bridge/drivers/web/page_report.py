"""Reads a report of the page, which can be anything: WhatsApp's scripts can call the binding, too. Pure.

Every value has the type that the rest expects, and a bounded size; what is not readable becomes a default.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from bridge.contract.payload import valid_text

#: Characters of a report; a batch of the page has 200 items at most.
LONGEST = 16_000_000
#: Unix seconds of the year 2242.
LATEST = 2**33
#: The longest text of a report: a QR code has 300 characters, and more than 2,900 could not be drawn.
LONGEST_TEXT = 1_000


def content_of(kind: Any, payload: Any) -> Mapping[str, Any] | list[Any] | None:
    """The content of a report: a mapping for `state`, a list for `items`; None for what is neither."""
    if not isinstance(payload, str) or len(payload) > LONGEST:
        return None
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if (kind == "state" and isinstance(content, dict)) or (kind == "items" and isinstance(content, list)):
        return content
    return None


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return valid_text(value)[:LONGEST_TEXT] if isinstance(value, str) and value else None


def texts(value: Any) -> tuple[str, ...]:
    return tuple(one[:100] for one in value[:100] if isinstance(one, str)) if isinstance(value, list) else ()


def fields(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def count(value: Any) -> int:
    """An integer that a float holds exactly; 0 for anything else."""
    return int(value) if _is_finite(value) and abs(value) <= 2**53 else 0


def moment(value: Any) -> float:
    """Unix seconds; 0 for what is no time."""
    return float(value) if _is_finite(value) and 0 <= value <= LATEST else 0.0


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or math.isfinite(value)
