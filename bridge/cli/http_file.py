"""`http.json`: where the bridge of a data directory answers over HTTP, for as long as it runs.

It names its process: a port that was taken over by somebody else must not be shown our key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from pathlib import Path

NAME = "http.json"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where we connect to, not listen
#: Seconds by which two readings of a process's start may differ.
SAME_START = 0.1


@contextmanager
def http_json(data_dir: Path, listener: socket.socket | None) -> Iterator[None]:
    """Keep the façade's address there inside the context; without one, nothing. Raises StartError."""
    if listener is None:
        yield
        return
    from bridge.contract.errors import StartError
    from bridge.ops.private_broker.address_file import write_private

    host, port = listener.getsockname()[:2]
    path, pid = data_dir / NAME, os.getpid()
    kept = {"url": base_url(host, port), "pid": pid, "started": _started(pid)}
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(kept) + "\n")
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}): set WA_DATA_DIR.") from error
    try:
        yield
    finally:
        if (_read(path) or {}).get("pid") == pid:
            path.unlink(missing_ok=True)


def read_http_json(data_dir: Path) -> str | None:
    """The address of the bridge that runs on this data directory, or None."""
    kept = _read(data_dir / NAME)
    try:
        return str(kept["url"]) if kept and abs(_started(kept["pid"]) - kept["started"]) < SAME_START else None
    except (KeyError, TypeError, ValueError, LookupError):
        return None


def base_url(host: str, port: int) -> str:
    """Where a program of this machine reaches who listens there."""
    bare = host.strip("[]")
    bare = _EVERYWHERE.get(bare, bare)
    return f"http://[{bare}]:{port}" if ":" in bare else f"http://{bare}:{port}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def _started(pid: int) -> float:
    """When a process started, unix seconds. Raises LookupError where there is none."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error as error:
        raise LookupError(pid) from error
