"""The settings as the panel shows them: those of the start, with what was changed of the sessions since then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.contract.errors import StartError
from bridge.core.session_entry import SessionEntry
from bridge.ops.doctor.variables import shown, variables
from bridge.ports.effective_settings import EffectiveSetting, SettingSource
from bridge.settings import BridgeSettings, load, read_environment


class SettingsView:
    """Made at the start, when environment and `.env` are as the settings were read from them."""

    def __init__(self, settings: BridgeSettings, entries: Mapping[str, SessionEntry]) -> None:
        """`entries` are the sessions that run, which change in place."""
        self._settings = settings
        self._entries = entries
        self._environment, self._file = read_environment()
        self._of_program = _set_by_program(settings)

    def read(self) -> list[EffectiveSetting]:
        """Every setting, without secrets. Reads `.env`: blocking."""
        _, file = read_environment()
        return [self._with_state(one, file) for one in variables(self._settings, self._environment, self._file)]

    def _with_state(self, one: EffectiveSetting, file: Mapping[str, str | None]) -> EffectiveSetting:
        waits = not self._environment.get(one.name) and (file.get(one.name) or "") != (self._file.get(one.name) or "")
        if one.name in self._of_program:
            one = replace(one, source=SettingSource.PROGRAM)
        if (changed := self._changed(one)) is not None:
            one = replace(one, value=changed, source=SettingSource.REGISTRY, is_set=True)
        return replace(one, waits=waits)

    def _changed(self, one: EffectiveSetting) -> str | None:
        """The value with what was set at run time; None where nothing was."""
        settings, entries = self._settings, self._entries.values()
        match one.name:
            case "WA_SESSIONS":
                now = ",".join(f"{entry.name}={entry.cliente_id}" for entry in entries)
                return None if now == one.value else now
            case "WA_PROXY":
                others = [e.name for e in entries if e.options.proxy != settings.proxy_of(e.name)]
                said = {e.name: _or_off(e.options.proxy) for e in entries}
            case "WA_SLEEP_AFTER":
                others = [e.name for e in entries if e.options.sleep_after != settings.sleep_after]
                said = {e.name: _or_off(e.options.sleep_after) for e in entries}
            case _:
                return None
        return "; ".join([one.value, *(f"{name}: {said[name]}" for name in others)]) if others else None


def _or_off(value: Any) -> str:
    return "off" if value is None else shown(value)


def _set_by_program(settings: BridgeSettings) -> frozenset[str]:
    """The variables whose value is not what environment and `.env` say."""
    try:
        read = load()
    except StartError:  # changed since the start
        return frozenset()
    fields = BridgeSettings.model_fields.items()
    return frozenset(str(f.validation_alias) for name, f in fields if getattr(read, name) != getattr(settings, name))
