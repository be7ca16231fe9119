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


def state_of(payload: Any) -> Mapping[str, Any] | None:
    """The state that a report carries; None for what is none."""
    content = _parsed(payload)
    return content if isinstance(content, dict) else None


def batch_of(payload: Any) -> tuple[int, list[Any]] | None:
    """The number and the items of a batch; None for what is none."""
    content = _parsed(payload)
    if not isinstance(content, dict) or not isinstance(items := content.get("items"), list):
        return None
    return count(content.get("number")), items


def _parsed(payload: Any) -> Any:
    if not isinstance(payload, str) or len(payload) > LONGEST:
        return None
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
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
