"""A login link that `wa panel` makes for a bridge that runs: handed over as a file in the data directory.

A user who may write there may do everything anyway. The file holds a hash of one link, and is
deleted at its use.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path

NAME = "panel-link.json"


def offer_link(data_dir: Path, token_hash: str, expires_at: float) -> None:
    """Accept a link until `expires_at` (unix seconds) instead of an earlier one. Raises `OSError`."""
    new = data_dir / f"{NAME}.new"
    new.touch(mode=0o600)
    new.write_text(json.dumps({"hash": token_hash, "expires_at": expires_at}), encoding="utf-8")
    new.rename(data_dir / NAME)


def take_link(data_dir: Path, token_hash: str, now: float) -> bool:
    """Use up the link in the file if it is this one; returns whether it is valid at `now`."""
    try:
        kept = json.loads((data_dir / NAME).read_text(encoding="utf-8"))
        if not hmac.compare_digest(str(kept["hash"]), token_hash):
            return False
        (data_dir / NAME).unlink()
        return float(kept["expires_at"]) > now
    except (OSError, ValueError, TypeError, KeyError):
        return False
