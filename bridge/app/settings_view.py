"""The settings as the panel shows them: those of the start, with what was changed of the sessions since then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.asgi.settings_report import SettingsReport
from bridge.contract.effective_settings import EffectiveSetting, SettingSource, shown
from bridge.core.session_entry import SessionEntry
from bridge.settings import BridgeSettings, load

#: What can be changed while the bridge runs: over the panel, `wa session` and MQTT.
_LIVE = frozenset({"WA_SESSIONS", "WA_PROXY", "WA_SLEEP_AFTER"})


class SettingsView:
    """Made at the start, as `SettingsReport`."""

    def __init__(self, settings: BridgeSettings, entries: Mapping[str, SessionEntry]) -> None:
        """`entries` are the sessions that run, which change in place."""
        self._settings = settings
        self._entries = entries
        self._report = SettingsReport(settings, load)

    def read(self) -> list[EffectiveSetting]:
        """Every setting, without secrets. Reads `.env`: blocking."""
        return [self._with_changes(one) if one.name in _LIVE else one for one in self._report.read()]

    def _with_changes(self, one: EffectiveSetting) -> EffectiveSetting:
        if (changed := self._changed(one)) is not None:
            one = replace(one, value=changed, source=SettingSource.REGISTRY, is_set=True)
        return replace(one, live=True)

    def _changed(self, one: EffectiveSetting) -> str | None:
        """The value with what was set at run time; None where nothing was."""
        settings, entries = self._settings, self._entries.values()
        match one.name:
            case "WA_SESSIONS":
                now = {entry.name: entry.cliente_id for entry in entries}
                if now == {session.name: session.cliente_id for session in settings.sessions}:
                    return None
                return ",".join(f"{name}={cliente_id}" for name, cliente_id in now.items())
            case "WA_PROXY":
                others = [e.name for e in entries if e.options.proxy != settings.proxy_of(e.name)]
                said = {e.name: _or_off(e.options.proxy) for e in entries}
            case _:
                others = [e.name for e in entries if e.options.sleep_after != settings.sleep_after]
                said = {e.name: _or_off(e.options.sleep_after) for e in entries}
        return "; ".join([one.value, *(f"{name}: {said[name]}" for name in others)]) if others else None


def _or_off(value: Any) -> str:
    return "off" if value is None else shown(value)
