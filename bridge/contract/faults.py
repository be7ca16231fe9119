"""The faults that pydantic finds, as sentences for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.contract.jid import KEY_EXAMPLE

_WHOLE_NUMBER, _NUMBER, _FLAG = "must be a whole number", "must be a number", "must be true or false"
_OBJECT = 'must be an object of fields, {{"name": …}}'
#: Type of a fault -> what is said of the field, with the fault's context.
_SAID: Final = {
    "less_than_equal": "must be at most {le}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "greater_than": "must be more than {gt}",
    "too_short": "must have {min_length} or more entries, and has {actual_length}",
    "too_long": "must have at most {max_length} entries, and has {actual_length}",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have at most {max_length} characters",
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "finite_number": _NUMBER,
    "bool_parsing": _FLAG,
    "bool_type": _FLAG,
    "string_type": "must be a text",
    "list_type": "must be a list",
    "model_type": _OBJECT,
    "dict_type": _OBJECT,
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
}
#: Patterns of the contract that say less than a sentence.
_PATTERNS: Final = {
    r"\S": "must not be blank",
    "^[0-9a-f]{64}$": "must be a SHA-256, as 64 digits 0-9 and a-f",
    r"^[\w.+-]+/[\w.+-]+ *(;.*)?$": "must be a type such as image/jpeg",
    "^[0-9]{1,15}$": "must be `next` of the page before",
    "_": f"must be the whole id of a message, as {KEY_EXAMPLE}",
}


def said_of(fault: Mapping[str, Any]) -> str:
    """What is wrong with the field of one of `ValidationError.errors()`, without a full stop."""
    context = {name: _plain(value) for name, value in fault.get("ctx", {}).items()}
    if fault["type"] == "string_too_short" and context.get("min_length") == 1:
        return "must not be empty"
    if (pattern := context.get("pattern")) in _PATTERNS:
        return _PATTERNS[pattern]
    if (sentence := _SAID.get(fault["type"])) is not None:
        return sentence.format(**context)
    said: str = fault["msg"].removeprefix("Value error, ").replace(" after validation", "")
    return said.rstrip(".")


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
