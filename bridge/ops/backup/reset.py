"""Sets a session's store aside, so that the next start creates an empty one. Deletes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge.ops.backup.paths import STORE, locked_session, timestamp
from bridge.ports import LoginFiles
from bridge.store import kept_aside
from bridge.store.files import COMPANIONS


@dataclass(frozen=True, slots=True)
class ResetResult:
    """The new folder, and the paths of the moved files in it."""

    folder: Path
    files: tuple[Path, ...]


def stores_to_move(folder: Path, *, kept_only: bool) -> list[Path]:
    """The stores that a reset moves, without -wal and -shm: those kept as damaged, and the current one."""
    current = [folder / STORE] if not kept_only and (folder / STORE).exists() else []
    return [*kept_aside(folder / STORE), *current]


def reset_store(folder: Path, session: str, *, now: datetime, kept_only: bool, login: LoginFiles | None) -> ResetResult:
    """Move the stores to a new subfolder. Raises `SessionInUse` if a bridge has the store open."""
    with locked_session(folder, session, login):
        target = folder / f"set-aside-{timestamp(now)}"
        moved = []
        for store in stores_to_move(folder, kept_only=kept_only):
            target.mkdir(mode=0o700, exist_ok=True)
            # the database last: as long as it exists, no bridge creates an empty one
            for ending in (*COMPANIONS, ""):
                file = store.with_name(store.name + ending)
                if file.exists():
                    file.rename(target / file.name)
                    moved.append(target / file.name)
    return ResetResult(target, tuple(moved))
