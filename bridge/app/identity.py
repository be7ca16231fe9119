"""Who this bridge is to others: its instance name with a mark of its data directory.

The mark makes two bridges with one host name and two data directories different owners, and a bridge that was killed
and started again the same one.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bridge.contract.errors import StartError


def owner_name(data_dir: Path, instance: str) -> str:
    """`<instance>:<mark>`, the mark kept in `data_dir/bridge-id`. Raises `StartError` when it cannot be written."""
    path = data_dir / "bridge-id"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            new = path.with_name(f"bridge-id.{os.getpid()}")
            new.write_text(secrets.token_hex(4))
            new.rename(path)
        return f"{instance}:{path.read_text().strip()}"
    except OSError as error:
        raise StartError(
            f"The data directory {data_dir} cannot be used ({error.strerror}). "
            "Make it writable, or name another in WA_DATA_DIR."
        ) from error
