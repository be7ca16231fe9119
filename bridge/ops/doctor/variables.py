"""The effective settings: source of each value, secrets masked, unknown names. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bridge.broker import BrokerAddress
from bridge.ports.findings import Finding, fault, warning
from bridge.settings import BridgeSettings

MASK = "***"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting. `value` is for display, without secrets; `source` is `environment`, `.env` or `default`."""

    name: str
    value: str
    source: str


def variables(
    settings: BridgeSettings, environment: Mapping[str, str], file: Mapping[str, str | None]
) -> list[Variable]:
    """Every setting of the bridge. `file` is the content of `.env`, which the environment overrides."""
    found = []
    for field, variable in _names():
        source = "environment" if environment.get(variable) else ".env" if file.get(variable) else "default"
        found.append(Variable(variable, shown(getattr(settings, field)), source))
    return found


def unknown(environment: Mapping[str, str], file: Mapping[str, str | None]) -> Iterator[Finding]:
    """Names with the prefix WA_ that are no setting: the value has no effect, usually because of a typo."""
    known = [variable for _, variable in _names()]
    for name in sorted({*environment, *file}):
        if not name.upper().startswith("WA_") or name.upper() in known:
            continue
        similar = difflib.get_close_matches(name.upper(), known, 1)
        hint = f"Did you mean {similar[0]}? " if similar else ""
        yield warning("settings", f"{name} is set but is no setting.", f"{hint}The README lists every name.")


def invalid(sentence: str) -> list[Finding]:
    """One fault per variable that `load` refused, from its error text."""
    return [
        fault("settings", part.strip().rstrip(".") + ".", "Correct it in the environment or in .env.")
        for part in sentence.removeprefix("Wrong settings.").split("; ")
    ]


def shown(value: Any) -> str:
    """A value for display, with secrets masked."""
    if isinstance(value, SecretStr):
        return MASK
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, tuple):
        masked = [part.masked for part in value if isinstance(part, BrokerAddress)]
        return ", ".join(masked) or ",".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return _CREDENTIALS.sub(f"{MASK}@", str(value))


def _names() -> list[tuple[str, str]]:
    """Field name and variable name of each setting."""
    return [(name, str(field.validation_alias or name)) for name, field in BridgeSettings.model_fields.items()]
