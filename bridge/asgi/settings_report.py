"""The settings that a running program reports over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from bridge.contract.effective_settings import EffectiveSetting, by_variable, effective
from bridge.contract.errors import CodedError
from bridge.contract.settings_file import ENV_FILE, ProgramSettings


def read_environment() -> tuple[dict[str, str], dict[str, str | None]]:
    """What settings are read from: the environment, and the content of `.env`."""
    from dotenv import dotenv_values

    try:
        return dict(os.environ), dotenv_values(ENV_FILE)
    except (OSError, UnicodeDecodeError):  # reading the settings says what is wrong with the file
        return dict(os.environ), {}


class SettingsReport:
    """Made at the start, when environment and `.env` are as the settings were read from them."""

    def __init__(self, settings: ProgramSettings, load: Callable[[], ProgramSettings]) -> None:
        """`load` reads the settings again: what differs was set by the command that runs the program."""
        self._settings = settings
        environment, file = read_environment()
        self._environment, self._file = by_variable(environment), by_variable(file)
        self._of_program = _set_by_program(settings, load)

    def read(self) -> list[EffectiveSetting]:
        """Every setting, without secrets. Reads `.env`: blocking."""
        file = by_variable(read_environment()[1])
        found = effective(self._settings, self._environment, self._file, self._of_program)
        return [replace(one, waits=self._waits(one.name, file)) for one in found]

    def to_json(self) -> dict[str, Any]:
        """`read` as the answer of a service. Blocking."""
        return {"settings": [asdict(one) for one in self.read()]}

    def _waits(self, name: str, file: Mapping[str, str]) -> bool:
        return name not in self._environment and file.get(name) != self._file.get(name)


def _set_by_program(settings: ProgramSettings, load: Callable[[], ProgramSettings]) -> frozenset[str]:
    """The variables whose value is not what environment and `.env` say."""
    try:
        read = load()
    except CodedError:  # changed since the start
        return frozenset()
    fields = type(settings).model_fields.items()
    return frozenset(str(f.validation_alias) for name, f in fields if getattr(read, name) != getattr(settings, name))
