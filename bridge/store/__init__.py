"""SQLite adapters for the journal, the outbox and the memory of a session: one file, one writer, one reader.

And `BridgeStore` for what belongs to no session.
"""

from .bridge_store import BRIDGE_STORE, BridgeStore
from .errors import StoreBusy, StoreDamaged
from .place import keep_aside, kept_aside
from .retention import Compaction
from .session_store import SessionStore, open_store

__all__ = [
    "BRIDGE_STORE",
    "BridgeStore",
    "Compaction",
    "SessionStore",
    "StoreBusy",
    "StoreDamaged",
    "keep_aside",
    "kept_aside",
    "open_store",
]
