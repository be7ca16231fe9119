"""SQLite adapters for the journal, outbox and key-value store of a session: one file, one writer, one reader.

`BridgeStore` holds the data of the bridge as a whole.
"""

from bridge.store.bridge_store import BRIDGE_STORE, BridgeStore
from bridge.store.errors import StoreBusy, StoreDamaged
from bridge.store.files import keep_aside, kept_aside
from bridge.store.limits import StoreLimits
from bridge.store.retention import Compaction
from bridge.store.session_store import SessionStore, open_store

__all__ = [
    "BRIDGE_STORE",
    "BridgeStore",
    "Compaction",
    "SessionStore",
    "StoreBusy",
    "StoreDamaged",
    "StoreLimits",
    "keep_aside",
    "kept_aside",
    "open_store",
]
