"""`broker.json`: the private broker's address and password, so that every command on this data directory finds it.

The file stays when the broker stops: the printed commands then work again after a restart, and a command that finds
nobody listening says so better than one that finds no file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bridge.broker import BrokerAddress

NAME = "broker.json"


def read_broker_json(data_dir: Path) -> BrokerAddress | None:
    """The address kept in this data directory, or None where there is none that can be used."""
    try:
        kept = json.loads((data_dir / NAME).read_text(encoding="utf-8"))
        return BrokerAddress.parse(str(kept["url"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_broker_json(data_dir: Path, address: BrokerAddress) -> None:
    """Keep the address, readable by the owner alone, whole or not at all. Raises OSError."""
    write_private(data_dir / NAME, json.dumps({"url": address.reveal()}) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 by renaming, so that no reader sees half of it and no other user any."""
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
