"""What holds for one session: the settings, with what was set for it at run time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

from bridge.contract.proxy import Proxy
from bridge.contract.session_changes import BridgeCommand
from bridge.contract.session_options import DEFAULT, OFF, parse_sleep_after
from bridge.ports.sessions import StoredOptions


class OptionDefaults(Protocol):
    """The settings of all sessions."""

    @property
    def sleep_after(self) -> int | None: ...

    @property
    def sleep_check(self) -> int: ...

    def proxy_of(self, session: str) -> Proxy | None:
        """The proxy of a session for which none was set."""
        ...


@dataclass(frozen=True, slots=True)
class EffectiveOptions:
    """`sleep_after` and `sleep_check` are seconds; `sleep_after` None: it does not fall asleep by itself."""

    proxy: Proxy | None
    sleep_after: int | None
    sleep_check: int

    @classmethod
    def of(cls, settings: OptionDefaults, session: str, stored: StoredOptions) -> Self:
        """The options of a session, of which `stored` was set."""
        proxy, sleep_after = settings.proxy_of(session), settings.sleep_after
        if stored.proxy is not None:
            proxy = None if stored.proxy == OFF else Proxy.parse(stored.proxy)
        if stored.sleep_after is not None:
            sleep_after = parse_sleep_after(stored.sleep_after)
        return cls(proxy, sleep_after, settings.sleep_check)


def changed(stored: StoredOptions, command: BridgeCommand) -> StoredOptions:
    """What is set after a command; what it does not name stays."""
    if command.proxy is not None:
        stored = replace(stored, proxy=None if command.proxy == DEFAULT else command.proxy)
    if command.sleep_after is not None:
        stored = replace(stored, sleep_after=None if command.sleep_after == DEFAULT else command.sleep_after)
    return stored
