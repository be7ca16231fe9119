"""A session's files: who has the browser profile open, and whether the store is intact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.contract.findings import Finding, fault, ok, warning
from bridge.ports import LoginFiles, StoreUnusable
from bridge.store import StoreDamaged, kept_aside
from bridge.store.inspection import glance, holders


def login(session: str, folder: Path, files: LoginFiles) -> Finding:
    """Who uses the folder in which the driver keeps the login."""
    check, path = f"{files.folder} {session}", folder / files.folder
    if not path.exists():
        return ok(check, "None yet: the session was never started here.")
    pids = holders(path / files.lock)
    leftover = files.leftover(path)
    if pids:
        return ok(check, f"In use by {process_name(pids[0])}.")
    if leftover is not None:
        return warning(
            check,
            f"A leftover browser (pid {leftover}) runs on it, and no bridge.",
            "Nothing: the next bridge that starts terminates it.",
        )
    if pids is None:
        return warning(check, "This system does not show who holds a lock.", "Make sure that only one bridge runs.")
    return ok(check, "Not in use.")


def role(session: str, folder: Path, files: LoginFiles, order: tuple[str, ...]) -> Finding:
    """Whether a bridge that shares the session can take it over; `order` is its placement."""
    check, placed = f"role in {session}", f"Placement: {', '.join(order)}."
    if files.is_paired(folder / files.folder):
        return ok(check, f"This bridge has a login of it and can take over. {placed}")
    return warning(
        check,
        f"This bridge has no login of it and never takes over by itself. {placed}",
        "Where the session runs: wa session move, with --own-login for a linked device of its own.",
    )


def store(session: str, folder: Path) -> Iterator[Finding]:
    """Whether the store exists, is intact, and has a schema that this bridge knows."""
    check, path = f"store {session}", folder / "store.db"
    kept = kept_aside(path)
    if not path.exists():
        if kept:
            yield fault(
                check,
                f"It was damaged and is kept as {kept[-1].name}; the session cannot start.",
                f"wa restore FILE to restore a backup, or wa store reset --session {session} for an empty one.",
            )
        else:
            yield ok(check, "None yet.")
        return
    try:
        found = glance(path, thorough=True)
    except StoreDamaged as error:
        yield fault(check, error.text, f"Stop the bridge, then wa restore FILE, or wa store reset --session {session}.")
        return
    except StoreUnusable as error:
        yield fault(check, error.text, "Correct its owner and mode, or set another WA_DATA_DIR.")
        return
    if found.faults:
        yield fault(
            check,
            f"{path} is damaged: {'; '.join(found.faults)[:200]}.",
            f"Stop the bridge, then wa restore FILE, or wa store reset --session {session}.",
        )
        return
    if kept:
        yield warning(
            check,
            f"An earlier store was damaged and is kept as {kept[-1].name}.",
            f"wa store reset --session {session} --kept-only sets it aside when you no longer need it.",
        )
    yield ok(
        check,
        f"Intact: {found.last_seq} messages journalled, {found.open_commands} commands open,"
        f" {found.size / 1e6:.1f} MB, epoch {found.epoch[:8]}.",
    )


def process_name(pid: int) -> str:
    """`pid 12 (python wa bridge)`; 0 is a process outside this container."""
    if not pid:
        return "a process in another container"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return f"pid {pid}"
    return f"pid {pid} ({' '.join(Path(word).name if '/' in word else word for word in words if word)[:60]})"
