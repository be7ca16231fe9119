"""What belongs to no session and is in every backup all the same: listeners, keys, audit log, conversations.

A restore puts it back where there is none, as on a new machine. Where there is one it is of today and of all sessions,
so it is exchanged only when that is asked for.
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
class Shared:
    """Names of databases: those that are put in place, and those that stay as they are."""

    placed: tuple[str, ...]
    left: tuple[str, ...]


def copy_shared(databases: Sequence[Path], staging: Path) -> dict[str, str]:
    """Copy those that are there. Returns which could not be copied, and why: a session is not left unsaved for them."""
    lacking = {}
    for source in databases:
        if source.exists():
            (staging / FOLDER).mkdir(mode=0o700, exist_ok=True)
            target = staging / FOLDER / source.name
            try:
                copy_database(source, target)
            except StoreUnusable as error:
                target.unlink(missing_ok=True)
                lacking[source.name] = error.text
    return lacking


async def checked(staging: Path, names: Sequence[str], clock: Callable[[], float]) -> None:
    """Raises `StoreUnusable` where this bridge cannot use what is to be put in place."""
    if BRIDGE_STORE in names:
        async with BridgeStore(staging / FOLDER / BRIDGE_STORE, now=clock):
            pass


def choose(staging: Path, into: Path, *, exchange: bool) -> Shared:
    """What of the unpacked backup is put into the data directory `into`."""
    names = sorted(path.name for path in (staging / FOLDER).glob("*.db"))
    placed = tuple(name for name in names if exchange or not (into / name).exists())
    return Shared(placed, tuple(name for name in names if name not in placed))


@contextmanager
def out_of_use(into: Path, names: Sequence[str]) -> Iterator[None]:
    """Keep others off the databases that are exchanged. Raises `SessionInUse`."""
    with ExitStack() as stack:
        for name in names:
            try:
                stack.enter_context(held(into / name))
            except StoreBusy as error:
                pids = ", ".join(map(str, holders(into / name) or ()))
                who = f"pid {pids}" if pids else "of another container or user"
                raise SessionInUse(f"{into / name} is in use ({who}): stop that first.") from error
        yield
