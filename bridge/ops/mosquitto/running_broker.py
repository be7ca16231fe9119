"""The broker that runs: found by its pid file, told to read its files again. Never started or stopped from here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from bridge.contract.errors import CodedError


class NotReloaded(CodedError):
    """The files are written, but no running broker has read them."""

    code = "not_reloaded"


def running_broker(pid_file: Path) -> int | None:
    """The pid of the mosquitto that wrote the file, None where none runs: a pid alone may be another program's."""
    try:
        pid = int(pid_file.read_text(encoding="ascii").strip())
        return pid if psutil.Process(pid).name().startswith("mosquitto") else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def reload_broker(pid_file: Path) -> None:
    """Have users, passwords, ACL and certificates read again; listeners and limits need a restart.

    Connected clients stay, but for those whose user or password is gone. Raises NotReloaded.
    """
    pid = running_broker(pid_file)
    if pid is None:
        raise NotReloaded(
            f"No mosquitto runs here ({pid_file} names none): what was written counts from its next start."
        )
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        raise NotReloaded(
            f"mosquitto ({pid}) could not be told to read its files again: {error.strerror}. Run this as root, or"
            " reload it yourself (systemctl reload mosquitto)."
        ) from error
