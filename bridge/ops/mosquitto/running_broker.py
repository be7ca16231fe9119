"""Finds the running broker by its pid file and reloads it. Never starts or stops it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil

from bridge.contract.errors import CodedError


class NotReloaded(CodedError):
    """The files are written, but no running broker has loaded them."""

    code = "not_reloaded"


def running_broker(pid_file: Path) -> int | None:
    """The pid in the file, that mosquitto or its parent wrote; None if the pid is unused or another program's."""
    try:
        recorded = json.loads(pid_file.read_text(encoding="ascii"))
        pid = int(recorded["pid"] if isinstance(recorded, dict) else recorded)
        return pid if psutil.Process(pid).name().startswith("mosquitto") else None
    except (OSError, ValueError, TypeError, KeyError, psutil.NoSuchProcess):
        return None


def reload_broker(pid_file: Path) -> None:
    """Reload users, passwords, ACL and certificates; listeners and limits need a restart.

    Clients stay connected unless their user or password was removed. Raises NotReloaded.
    """
    pid = running_broker(pid_file)
    if pid is None:
        raise NotReloaded(
            f"No mosquitto is running ({pid_file} names none): the changes take effect at its next start."
        )
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        raise NotReloaded(
            f"mosquitto ({pid}) could not be reloaded: {error.strerror}. Run this as root, or reload it"
            " manually (systemctl reload mosquitto)."
        ) from error
