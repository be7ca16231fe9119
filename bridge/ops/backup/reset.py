"""Moves a session's store away, so that the next start begins with an empty one. Deletes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge.ops.backup.paths import STORE, out_of_use, stamp
from bridge.store import kept_aside
from bridge.store.files import COMPANIONS


@dataclass(frozen=True, slots=True)
class MovedAway:
    """Where the files are now."""

    folder: Path
    files: tuple[Path, ...]


def to_move_away(folder: Path, *, kept_only: bool) -> list[Path]:
    """The stores that a reset moves, without their companions: those kept aside as damaged, and the present one."""
    present = [folder / STORE] if not kept_only and (folder / STORE).exists() else []
    return [*kept_aside(folder / STORE), *present]


def move_away(folder: Path, session: str, *, now: datetime, kept_only: bool) -> MovedAway:
    """Move them into a folder beside. Raises `SessionInUse` where a bridge has the store open."""
    with out_of_use(folder, session):
        target = folder / f"set-aside-{stamp(now)}"
        moved = []
        for store in to_move_away(folder, kept_only=kept_only):
            target.mkdir(mode=0o700, exist_ok=True)
            # the database last: as long as it is there, no bridge begins an empty one without its companions
            for ending in (*COMPANIONS, ""):
                file = store.with_name(store.name + ending)
                if file.exists():
                    file.rename(target / file.name)
                    moved.append(target / file.name)
    return MovedAway(target, tuple(moved))
