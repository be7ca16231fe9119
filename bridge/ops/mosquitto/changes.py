"""Applies the options of `wa broker init` to an existing setup: options that are not given stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bridge.ops.mosquitto.configuration import Listeners, Tls


@dataclass(frozen=True, slots=True)
class BrokerChanges:
    """The options; None = not given. `no_tls` and `no_websockets` remove a listener."""

    port: int | None = None
    state: Path | None = None
    pid_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    tls_port: int | None = None
    websockets: int | None = None
    run_as: str | None = None
    no_tls: bool = False
    no_websockets: bool = False


def apply_changes(current: Listeners, changes: BrokerChanges) -> Listeners:
    """Raises ValueError for options that contradict each other."""
    return replace(
        current,
        port=changes.port or current.port,
        state=changes.state.absolute() if changes.state else current.state,
        pid_file=changes.pid_file.absolute() if changes.pid_file else current.pid_file,
        tls=_tls(current.tls, changes),
        websockets=_websockets(current.websockets, changes),
        run_as=changes.run_as or current.run_as,
    )


def _tls(current: Tls | None, changes: BrokerChanges) -> Tls | None:
    if (changes.certificate is None) != (changes.key is None):
        raise ValueError("--certificate and --key belong together.")
    if changes.no_tls:
        if changes.certificate or changes.tls_port:
            raise ValueError("--no-tls removes the TLS listener: leave out its other options.")
        return None
    if changes.certificate and changes.key:
        for file in (changes.certificate, changes.key):
            if not file.is_file():
                raise ValueError(f"{file} is not a file.")
        current = replace(
            current or Tls(Path(), Path()), certificate=changes.certificate.absolute(), key=changes.key.absolute()
        )
    if current is None:
        if changes.tls_port:
            raise ValueError("--tls-port needs --certificate and --key.")
        return None
    return replace(current, port=changes.tls_port or current.port)


def _websockets(current: int | None, changes: BrokerChanges) -> int | None:
    if changes.no_websockets and changes.websockets:
        raise ValueError("--websockets and --no-websockets contradict each other.")
    return None if changes.no_websockets else changes.websockets or current
