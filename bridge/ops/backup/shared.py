"""Databases that belong to no session and are part of every backup: webhooks, keys, audit log, conversations.

A restore adds them where they are missing, as on a new machine. Existing ones are newer and shared by all sessions, so
they are replaced only on request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.ops.backup.paths import SessionInUse
from bridge.ports import StoreUnusable
from bridge.store import BRIDGE_STORE, BridgeStore, StoreBusy
from bridge.store.inspection import holders
from bridge.store.online_copy import copy_database, held

FOLDER = "shared"


@dataclass(frozen=True, slots=True)
class SharedDatabases:
    """File names: the databases that are restored, and those that stay unchanged."""

    restored: tuple[str, ...]
    unchanged: tuple[str, ...]


def copy_shared(databases: Sequence[Path], staging: Path) -> dict[str, str]:
    """Copy the existing ones. Returns those that failed, with the reason: the session is backed up anyway."""
    skipped = {}
    for source in databases:
        if source.exists():
            (staging / FOLDER).mkdir(mode=0o700, exist_ok=True)
            target = staging / FOLDER / source.name
            try:
                copy_database(source, target)
            except StoreUnusable as error:
                target.unlink(missing_ok=True)
                skipped[source.name] = error.text
    return skipped


async def check_usable(staging: Path, names: Sequence[str], clock: Callable[[], float]) -> None:
    """Raises `StoreUnusable` if this bridge cannot open a database that is to be restored."""
    if BRIDGE_STORE in names:
        async with BridgeStore(staging / FOLDER / BRIDGE_STORE, now=clock):
            pass


def select(staging: Path, data_dir: Path, *, replace: bool) -> SharedDatabases:
    """Decide which databases of the unpacked backup are restored to `data_dir`."""
    names = sorted(path.name for path in (staging / FOLDER).glob("*.db"))
    restored = tuple(name for name in names if replace or not (data_dir / name).exists())
    return SharedDatabases(restored, tuple(name for name in names if name not in restored))


@contextmanager
def locked_databases(data_dir: Path, names: Sequence[str]) -> Iterator[None]:
    """Lock the databases that are replaced. Raises `SessionInUse`."""
    with ExitStack() as stack:
        for name in names:
            try:
                stack.enter_context(held(data_dir / name))
            except StoreBusy as error:
                pids = ", ".join(map(str, holders(data_dir / name) or ()))
                holder = f"pid {pids}" if pids else "by another container or user"
                raise SessionInUse(f"{data_dir / name} is in use ({holder}): stop that process first.") from error
        yield
