"""mosquitto.conf, generated from the shipped one, which the tests use. Pure: works on texts.

The shipped file explains each line; only ports, paths and certificates are changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Options of listeners, and options with paths: the scratch broker has its own.
_MACHINE_OPTIONS = frozenset(
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
    """The encrypted listener for other machines. The paths are PEM files that the broker's user can read."""

    certificate: Path
    key: Path
    port: int = 8883


@dataclass(frozen=True, slots=True)
class Listeners:
    """Ports, paths and user of the broker. `run_as` None keeps mosquitto's default.

    `websockets` is the relay's port (`wa broker websockets`): mosquitto itself serves no websockets.
    """

    port: int = 1883
    state: Path = Path("/var/lib/mosquitto")
    pid_file: Path = Path("/run/mosquitto/mosquitto.pid")
    tls: Tls | None = None
    websockets: int | None = None
    run_as: str | None = None


def configuration_text(shipped: str, directory: Path, listeners: Listeners) -> str:
    """The shipped file with this machine's ports and paths. Raises ValueError unless it has each option once."""
    values = {
        "listener": f"{listeners.port} 127.0.0.1",
        "password_file": str(directory / "wa.passwords"),
        "acl_file": str(directory / "wa.acl"),
        "persistence_location": f"{listeners.state}/",
        "pid_file": str(listeners.pid_file),
    }
    lines = shipped.splitlines()
    for option, value in values.items():
        found = [number for number, line in enumerate(lines) if line.split(" ")[0] == option]
        if len(found) != 1:
            raise ValueError(f"the shipped mosquitto.conf has {option} {len(found)} times")
        lines[found[0]] = f"{option} {value}"
    return "\n".join([*lines, *_added(listeners)]) + "\n"


def _added(listeners: Listeners) -> list[str]:
    added = []
    if listeners.run_as:
        added += ["", f"user {listeners.run_as}"]
    if tls := listeners.tls:
        added += [
            "",
            "# For clients on other machines. SIGHUP reads a renewed certificate; connected clients stay.",
            f"listener {tls.port}",
            f"certfile {tls.certificate}",
            f"keyfile {tls.key}",
            "# Minimum version.",
            "tls_version tlsv1.2",
            "# Unauthenticated connections must not use up the file descriptors.",
            "max_connections 2000",
        ]
    return added


def option(text: str, name: str) -> str | None:
    """The first value of an option, None if it is not set."""
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key == name:
            return value.strip()
    return None


def scratch_configuration_text(installed: str, port: int, directory: Path, run_as: str | None) -> str:
    """The installed configuration with another port and directory; rules and limits stay the same."""
    kept = [line for line in installed.splitlines() if line.strip().split(" ")[0] not in _MACHINE_OPTIONS]
    replaced = [
        f"listener {port} 127.0.0.1",
        f"password_file {directory / 'passwords'}",
        f"acl_file {directory / 'acl'}",
        f"persistence_location {directory}/",
        "log_dest stderr",
        *([f"user {run_as}"] if run_as else []),
    ]
    return "\n".join([*kept, *replaced]) + "\n"
