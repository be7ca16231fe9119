"""The settings as they are in force: where each value comes from, secrets masked, names that nobody reads. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bridge.broker import BrokerAddress
from bridge.ops.doctor.findings import Finding, fault, warning
from bridge.settings import BridgeSettings

MASK = "***"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting: the variable's name, its value for people, and whether somebody set it."""

    name: str
    value: str
    source: str


def variables(
    settings: BridgeSettings, environment: Mapping[str, str], file: Mapping[str, str | None]
) -> list[Variable]:
    """Every setting that the bridge knows. `file` is what `.env` holds; the environment goes before it."""
    found = []
    for field, variable in _names():
        source = "environment" if environment.get(variable) else ".env" if file.get(variable) else "default"
        found.append(Variable(variable, shown(getattr(settings, field)), source))
    return found


def unknown(environment: Mapping[str, str], file: Mapping[str, str | None]) -> Iterator[Finding]:
    """Names that begin like ours and that nobody reads: a value that was meant to count and does not."""
    known = [variable for _, variable in _names()]
    for name in sorted({*environment, *file}):
        if not name.upper().startswith("WA_") or name.upper() in known:
            continue
        near = difflib.get_close_matches(name.upper(), known, 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        yield warning("settings", f"{name} is set and nothing reads it.", f"{meant}The README lists every name.")


def wrong(sentence: str) -> list[Finding]:
    """A fault for each variable that `load` refused, from its sentence."""
    return [
        fault("settings", part.strip().rstrip(".") + ".", "Correct it in the environment or in .env.")
        for part in sentence.removeprefix("Wrong settings.").split("; ")
    ]


def shown(value: Any) -> str:
    """A value for people, without anything secret in it."""
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
    """Field and variable of each setting."""
    return [(name, str(field.validation_alias or name)) for name, field in BridgeSettings.model_fields.items()]
