"""`http.json`: the HTTP address of the bridge that runs on a data directory.

It records the process: the key must not be sent to another program that has taken over the port. It also has a key,
which is valid for this run: commands on this machine sign in with it. Who may read the directory may do everything.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from pathlib import Path

NAME = "http.json"
_WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - connected to, not listened on
#: Seconds by which two readings of a process's start time may differ.
START_TOLERANCE = 0.1


@contextmanager
def http_json(data_dir: Path, listener: socket.socket | None, *, web_url: str) -> Iterator[str | None]:
    """Write the address of `listener` (None: do nothing) and the page that the bridge opens, inside the context.

    The value is the key of this run's commands, which the bridge has to accept. Raises StartError.
    """
    if listener is None:
        yield None
        return
    from bridge.contract.errors import StartError
    from bridge.ops.private_broker.address_file import write_private

    host, port = listener.getsockname()[:2]
    path, pid = data_dir / NAME, os.getpid()
    key = secrets.token_urlsafe(32)
    content = {"url": base_url(host, port), "pid": pid, "started": _start_time(pid), "web_url": web_url, "key": key}
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(content) + "\n")
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}): set WA_DATA_DIR.") from error
    try:
        yield key
    finally:
        if (_read(path) or {}).get("pid") == pid:
            path.unlink(missing_ok=True)


def read_http_json(data_dir: Path) -> str | None:
    """The address of the bridge that runs on this data directory, or None."""
    return _read_running(data_dir, "url")


def read_command_key(data_dir: Path) -> str | None:
    """The key with which commands sign in to the bridge that runs on this data directory, or None."""
    return _read_running(data_dir, "key")


def read_web_url(data_dir: Path) -> str | None:
    """The page that the bridge that runs on this data directory opens, or None."""
    return _read_running(data_dir, "web_url")


def _read_running(data_dir: Path, field: str) -> str | None:
    kept = _read(data_dir / NAME)
    try:
        return str(kept[field]) if kept and abs(_start_time(kept["pid"]) - kept["started"]) < START_TOLERANCE else None
    except (KeyError, TypeError, ValueError, LookupError):
        return None


def base_url(host: str, port: int) -> str:
    """The URL under which programs on this machine reach that listener."""
    bare = host.strip("[]")
    bare = _WILDCARD_HOSTS.get(bare, bare)
    return f"http://[{bare}]:{port}" if ":" in bare else f"http://{bare}:{port}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def _start_time(pid: int) -> float:
    """Start time of a process in unix seconds. Raises LookupError if it does not exist."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error as error:
        raise LookupError(pid) from error
