"""`broker.json`: the private broker's address and password, for every command on this data directory.

The file stays when the broker stops: the printed commands work again after a restart, and "connection refused" is a
clearer error than a missing file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bridge.broker import BrokerAddress

NAME = "broker.json"


def read_broker_json(data_dir: Path) -> BrokerAddress | None:
    """The address in this data directory, or None if the file is missing or invalid."""
    try:
        content = json.loads((data_dir / NAME).read_text(encoding="utf-8"))
        return BrokerAddress.parse(str(content["url"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_broker_json(data_dir: Path, address: BrokerAddress) -> None:
    """Write the address atomically, readable by its owner only. Raises OSError."""
    write_private(data_dir / NAME, json.dumps({"url": address.reveal()}) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 by renaming, so that no reader sees a partial file and no other user reads it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
