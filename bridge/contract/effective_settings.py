"""The settings of a program as an operator sees them: the value in force, and where it comes from. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bridge.contract.settings_file import ProgramSettings

MASK, NONE = "***", "–"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


class SettingSource(StrEnum):
    """Where a value comes from. The environment comes before `.env`."""

    DEFAULT = "default"
    FILE = ".env"
    ENVIRONMENT = "environment"
    PROGRAM = "wa up"  # the command that runs the program has set it
    REGISTRY = "registry"  # changed while the bridge runs, for one session or more


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """`value` is for display, without secrets; `default` is as it is written, None for none or the machine's own.

    `is_set` is whether there is a value at all. `live`: it can be changed while the bridge runs. `waits`: `.env` has
    another value by now, which the next start takes.
    """

    name: str
    value: str
    source: SettingSource
    description: str
    default: str | None = None
    secret: bool = False
    is_set: bool = True
    live: bool = False
    waits: bool = False


@runtime_checkable
class Masked(Protocol):
    """A value that contains a password, and can be written without it."""

    @property
    def masked(self) -> str: ...


def effective(
    settings: ProgramSettings,
    environment: Mapping[str, str],
    file: Mapping[str, str | None],
    of_program: Collection[str] = (),
) -> list[EffectiveSetting]:
    """Every setting. `file` is the content of `.env`; `of_program` are the variables that the program set itself."""
    environment, file = by_variable(environment), by_variable(file)
    found = []
    for name, field in type(settings).model_fields.items():
        variable, value = str(field.validation_alias or name), getattr(settings, name)
        hidden = "SecretStr" in str(field.annotation)
        source = SettingSource.PROGRAM if variable in of_program else _source(variable, environment, file)
        found.append(
            EffectiveSetting(
                variable,
                _in_force(field, value, source, environment.get(variable) or file.get(variable, "")),
                source,
                field.description or "",
                None if hidden or _is_absent(field.default) else shown(field.default),
                hidden,
                is_set=not _is_absent(value),
            )
        )
    return found


def by_variable(given: Mapping[str, str | None]) -> dict[str, str]:
    """What is set there, by the variables' names, which may be written in any case."""
    return {name.upper(): value for name, value in given.items() if value}


def shown(value: Any) -> str:
    """A value for display, with secrets masked."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else NONE
    if _is_absent(value):
        return NONE
    if isinstance(value, tuple):
        return ", ".join(one.masked for one in value if isinstance(one, Masked)) or ",".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return _CREDENTIALS.sub(f"{MASK}@", str(value)) or NONE


def _in_force(field: FieldInfo, value: Any, source: SettingSource, written: str) -> str:
    """As it is written, which is how it can be changed; what is parsed where nothing is written."""
    parsed = isinstance(value, SecretStr) or (isinstance(value, tuple) and any(isinstance(o, Masked) for o in value))
    if source is SettingSource.PROGRAM or parsed:
        return shown(value)
    if source is SettingSource.DEFAULT:
        return shown(value if field.default is PydanticUndefined else field.default)
    return shown(written)


def _is_absent(value: Any) -> bool:
    return value is PydanticUndefined or value is None or value in ("", (), frozenset(), {}, SecretStr(""))


def _source(variable: str, environment: Mapping[str, str], file: Mapping[str, str]) -> SettingSource:
    if variable in environment:
        return SettingSource.ENVIRONMENT
    return SettingSource.FILE if variable in file else SettingSource.DEFAULT
