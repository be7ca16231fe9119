"""What `wa broker init` is asked for, put on top of what was set up before: what is not named stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bridge.ops.mosquitto.configuration import Listening, Tls


@dataclass(frozen=True, slots=True)
class BrokerChanges:
    """Options as they were given; None = not named. `no_tls` and `no_websockets` take a listener away."""

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


def changed(was: Listening, wanted: BrokerChanges) -> Listening:
    """Raises ValueError for options that contradict each other."""
    return replace(
        was,
        port=wanted.port or was.port,
        state=wanted.state.absolute() if wanted.state else was.state,
        pid_file=wanted.pid_file.absolute() if wanted.pid_file else was.pid_file,
        tls=_tls(was.tls, wanted),
        websockets=_websockets(was.websockets, wanted),
        run_as=wanted.run_as or was.run_as,
    )


def _tls(was: Tls | None, wanted: BrokerChanges) -> Tls | None:
    if (wanted.certificate is None) != (wanted.key is None):
        raise ValueError("--certificate and --key belong together.")
    if wanted.no_tls:
        if wanted.certificate or wanted.tls_port:
            raise ValueError("--no-tls takes the TLS listener away: leave the other options of it out.")
        return None
    if wanted.certificate and wanted.key:
        for file in (wanted.certificate, wanted.key):
            if not file.is_file():
                raise ValueError(f"{file} is no file.")
        was = replace(was or Tls(Path(), Path()), certificate=wanted.certificate.absolute(), key=wanted.key.absolute())
    if was is None:
        if wanted.tls_port:
            raise ValueError("--tls-port needs --certificate and --key.")
        return None
    return replace(was, port=wanted.tls_port or was.port)


def _websockets(was: int | None, wanted: BrokerChanges) -> int | None:
    if wanted.no_websockets and wanted.websockets:
        raise ValueError("--websockets and --no-websockets contradict each other.")
    return None if wanted.no_websockets else wanted.websockets or was
