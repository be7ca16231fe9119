"""mosquitto.conf, written from the one that the product ships and is tested with. Pure: text out, text in.

The shipped file says why each line is there; only what depends on the place (ports, paths, certificates) is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Options that begin a listener, belong to it, or name a place: a rehearsal has its own.
_OF_THE_PLACE = frozenset(
    {
        "listener",
        "port",
        "bind_address",
        "bind_interface",
        "socket_domain",
        "protocol",
        "certfile",
        "keyfile",
        "cafile",
        "capath",
        "tls_version",
        "ciphers",
        "ciphers_tls1.3",
        "require_certificate",
        "crlfile",
        "dhparamfile",
        "max_connections",
        "mount_point",
        "password_file",
        "acl_file",
        "persistence_location",
        "pid_file",
        "log_dest",
        "user",
        "include_dir",
    }
)


@dataclass(frozen=True, slots=True)
class Tls:
    """A listener for other machines, encrypted. The paths are PEM files that the broker's user can read."""

    certificate: Path
    key: Path
    port: int = 8883


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the broker listens and keeps what is its own. `run_as` None leaves mosquitto's own choice.

    `websockets` is the relay's port (`wa broker websockets`): mosquitto itself serves none.
    """

    port: int = 1883
    state: Path = Path("/var/lib/mosquitto")
    pid_file: Path = Path("/run/mosquitto/mosquitto.pid")
    tls: Tls | None = None
    websockets: int | None = None
    run_as: str | None = None


def configuration_text(shipped: str, directory: Path, listening: Listening) -> str:
    """The shipped file with the places of this machine. Raises ValueError where an option is not in it once."""
    places = {
        "listener": f"{listening.port} 127.0.0.1",
        "password_file": str(directory / "wa.passwords"),
        "acl_file": str(directory / "wa.acl"),
        "persistence_location": f"{listening.state}/",
        "pid_file": str(listening.pid_file),
    }
    lines = shipped.splitlines()
    for option, value in places.items():
        found = [number for number, line in enumerate(lines) if line.split(" ")[0] == option]
        if len(found) != 1:
            raise ValueError(f"the shipped mosquitto.conf holds {option} {len(found)} times")
        lines[found[0]] = f"{option} {value}"
    return "\n".join([*lines, *_added(listening)]) + "\n"


def _added(listening: Listening) -> list[str]:
    added = []
    if listening.run_as:
        added += ["", f"user {listening.run_as}"]
    if tls := listening.tls:
        added += [
            "",
            "# For clients on other machines. SIGHUP reads a renewed certificate; connected clients stay.",
            f"listener {tls.port}",
            f"certfile {tls.certificate}",
            f"keyfile {tls.key}",
            "# This version and newer ones.",
            "tls_version tlsv1.2",
            "# Strangers who only connect must not take the file descriptors of everybody else.",
            "max_connections 2000",
        ]
    return added


def option(text: str, name: str) -> str | None:
    """The value that stands first for an option, None where it is not set."""
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key == name:
            return value.strip()
    return None


def rehearsal_text(installed: str, port: int, directory: Path, run_as: str | None) -> str:
    """An installed configuration moved to a port and a directory of its own: rules and limits stay as they are."""
    kept = [line for line in installed.splitlines() if line.strip().split(" ")[0] not in _OF_THE_PLACE]
    moved = [
        f"listener {port} 127.0.0.1",
        f"password_file {directory / 'passwords'}",
        f"acl_file {directory / 'acl'}",
        f"persistence_location {directory}/",
        "log_dest stderr",
        *([f"user {run_as}"] if run_as else []),
    ]
    return "\n".join([*kept, *moved]) + "\n"
